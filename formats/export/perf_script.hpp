// The on-CPU samples as `perf script` prints them, for FlameScope, speedscope, the Firefox Profiler, stackcollapse-perf.pl:
//
//   comm  tid [cpu] seconds.micros:     period cpu-clock:
//           address function+0xoffset (file)      innermost first; `(inlined)` instead of a file for what was inlined
//
// Addresses are file offsets, those of the kernel and of code without a file addresses. The offset in the function stands
// where the bundle knows where the function begins. Times are CLOCK_MONOTONIC.
#pragma once

#include <string>

#include "formats/export/export_input.hpp"

namespace fdr {

std::string export_perf_script(const ExportInput& in);

}  // namespace fdr
