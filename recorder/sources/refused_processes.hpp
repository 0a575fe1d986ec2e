// Processes that are somebody else's, so that each is told of once: whoever looks for targets by name finds them again every second. Of more than
// kMost nothing is news any more: the note says "and maybe others". Session thread only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "recorder/targets/process_identity.hpp"

namespace fdr {

class RefusedProcesses {
 public:
  static constexpr std::size_t kMost = 256;

  // Whether that is news.
  bool add(const ProcessIdentity& process) {
    if (refused_.size() == kMost || std::find(refused_.begin(), refused_.end(), process) != refused_.end()) return false;
    refused_.push_back(process);
    return true;
  }
  // For people; empty where there is none.
  std::string note() const { return refused_.empty() ? "" : fmt::format("process {}, and maybe others, are not ours to record", refused_.front().pid); }

 private:
  std::vector<ProcessIdentity> refused_;
};

}  // namespace fdr
