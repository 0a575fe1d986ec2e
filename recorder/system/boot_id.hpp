// Which boot of this host we live in (/proc/sys/kernel/random/boot_id, random(4)): monotonic times of another one mean nothing. Any thread.
#pragma once

#include <string>

#include "recorder/system/small_file.hpp"

namespace fdr {

inline std::string boot_id() {
  const std::string text = read_small_file("/proc/sys/kernel/random/boot_id", 64).value_or("");
  return text.substr(0, text.find('\n'));
}

}  // namespace fdr
