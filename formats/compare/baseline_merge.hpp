// Puts the records of one recording among those of another: the tables joined (processes by pid and start, threads below
// them by tid, stacks by module and offset), the times moved to their place on the other's wall clock. Inside of formats/.
// Pure; the Timelines are a stranger's: indices are checked, times bounded.
#pragma once

#include <string>

#include "formats/bundle_reader.hpp"

namespace fdr {

// `slice` is of a time before `bundle`'s window and stands before it then, whatever the clocks say. `name` tells its
// kernel's and its made code's addresses from those of another boot. Throws Error where it holds nothing to compare with.
void merge_quiet_slice(Bundle& bundle, const Bundle& slice, const std::string& name, const std::string& said);

}  // namespace fdr
