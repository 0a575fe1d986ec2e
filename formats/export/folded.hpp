// Folded stacks: "process;outer;inner 12" a line, read by flamegraph.pl, inferno, speedscope. ';' in names becomes ':'.
#pragma once

#include <string>

#include "formats/timeline.hpp"

namespace fdr {

std::string export_folded(const Timeline& timeline, const FrameNames& names);

}  // namespace fdr
