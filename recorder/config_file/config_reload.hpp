// What of a configuration that was read anew can take the place of the one in force: rules and where and how long bundles
// are kept. What the window, the metrics and the hooks were made for stays. Pure.
#pragma once

#include <string>
#include <vector>

#include "recorder/config/config.hpp"

namespace fdr {

// Takes rules (whether the default ones apply, too), after, directory, keep, max_bytes, keep_free and on_exit of `next` over into `running`; returns the lines of
// the rest that differ and stay as they were ("window: span = "90s""). `longest_after` is what there is room for. Throws
// Error, and nothing is taken over.
std::vector<std::string> take_over(Config& running, const Config& next, Duration longest_after);

}  // namespace fdr
