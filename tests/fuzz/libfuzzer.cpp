// libFuzzer's entry for one target, FDR_FUZZ_TARGET. Compiled once for each.
#include "tests/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fdr::fuzz::FDR_FUZZ_TARGET({data, size});
  return 0;
}
