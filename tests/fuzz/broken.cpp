#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/targets.hpp"

namespace fdr::fuzz {

void broken(const char* promise, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: a promise is broken: %s\n", file, line, promise);
  std::abort();
}

}  // namespace fdr::fuzz
