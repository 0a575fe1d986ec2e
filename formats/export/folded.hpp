// Folded stacks: "process;outer;inner 12" a line, read by flamegraph.pl, inferno, speedscope. ';' in names becomes ':'.
// The samples are those of `fdr show stacks`: the targets' in the window, those without a stack under the process
// alone.
#pragma once

#include <string>

#include "formats/timeline.hpp"

namespace fdr {

std::string export_folded(const Timeline& timeline, const FrameNames& names);

}  // namespace fdr
