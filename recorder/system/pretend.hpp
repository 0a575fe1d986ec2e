// FDR_PRETEND_MISSING: features of the host that tests have counted as absent, so that every way of doing without them is tried on hosts that
// have them. A list with commas: `btf`, `bpf`, `perf`, `map_files`, `psi`, `cgroups`; with a kind in front `program:on_clock`, `helper:task_storage_get`, `link:perf_event`.
//
// It can only take away, so whoever sets it has no more than before. Asked where the feature is probed, and nowhere else. Any thread.
#pragma once

#include <string>
#include <string_view>

namespace fdr {

bool pretended_missing(std::string_view feature);

// A path of /proc that the feature stands for: this one, or one that leads nowhere.
std::string unless_missing(std::string_view feature, std::string path);

}  // namespace fdr
