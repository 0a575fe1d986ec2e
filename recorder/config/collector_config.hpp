// [[collect]]: a command or a file that the user wants beside fdr's own evidence, and when it is taken. Data only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct CollectorConfig {
  std::string name;
  std::vector<std::string> command;  // run without a shell; empty: `file`
  std::string file;                  // absolute path of a regular file; empty: `command`
  bool armed = false, hourly = false, fired = true;
  Duration timeout = std::chrono::seconds(5);
  std::uint64_t max_bytes = 1u << 20;
  std::string where;  // in the configuration, for errors
  std::string input = {};                     // what the command can read, and its environment beside PATH and LANG: of [[notify]]
  std::vector<std::string> environment = {};
};

}  // namespace fdr
