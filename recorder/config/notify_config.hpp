// [[notify]]: a command that is told of each bundle. Data only.
#pragma once

#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct NotifyConfig {
  std::string name = "notify";
  std::vector<std::string> command;
  Duration timeout = std::chrono::seconds(10);
};

}  // namespace fdr
