// logs.ndjson of a bundle (FORMAT.md 1.3): two copies of the logs, one of the firing and one of the end, made into one, so that a flood
// behind the firing cannot push out what was said before it. Pure.
#pragma once

#include <string>
#include <vector>

#include "recorder/logs/log_follower.hpp"

namespace fdr {

struct LogFile {
  std::string text;
  std::vector<std::string> losses;  // sentences for the manifest
};

// Empty text where there are no logs. `begin`: of the window.
LogFile make_log_file(const std::vector<LogCopy>& at_firing, const std::vector<LogCopy>& at_end, Timestamp begin, const ClockAnchor& anchor);

}  // namespace fdr
