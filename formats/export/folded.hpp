// Folded stacks: "process;outer;inner 12" a line, read by flamegraph.pl, inferno, speedscope. ';' in names becomes ':'.
// The samples are those of `fdr show stacks`; those without a stack stand under the process alone.
#pragma once

#include <string>

#include "formats/export/export_input.hpp"

namespace fdr {

std::string export_folded(const ExportInput& in);

}  // namespace fdr
