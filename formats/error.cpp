#include "formats/error.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace fdr {

Error system_error(const std::string& what, int error_number, std::string hint) {
  return Error(what + ": " + std::strerror(error_number), std::move(hint));
}

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "fdr: bug: %s does not hold at %s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace fdr
