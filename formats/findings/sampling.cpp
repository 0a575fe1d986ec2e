#include "formats/findings/sampling.hpp"

#include <cstdlib>

namespace fdr {

// The effective configuration is TOML of our own writing: `frequency = 99` on a line of its own.
double sampling_frequency(const std::string& config) {
  const std::size_t at = config.find("\nfrequency = ");
  if (at == std::string::npos) return 99;
  const double hz = std::strtod(config.c_str() + at + 13, nullptr);
  return hz >= 1 && hz <= 100'000 ? hz : 99;
}

}  // namespace fdr
