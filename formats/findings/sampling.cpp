#include "formats/findings/sampling.hpp"

#include <cstdlib>

namespace fdr {
namespace {

bool can_be(double hz) { return hz >= 1 && hz <= 10'000; }

// The effective configuration is TOML of our own writing: `frequency = 99` on a line of its own.
double configured(const std::string& config) {
  const std::size_t at = config.find("\nfrequency = ");
  return at == std::string::npos ? 0 : std::strtod(config.c_str() + at + 13, nullptr);
}

}  // namespace

double sampling_frequency(const Manifest& manifest) {
  if (can_be(manifest.sampled_hz)) return manifest.sampled_hz;
  const double hz = configured(manifest.config);
  return can_be(hz) ? hz : 99;
}

}  // namespace fdr
