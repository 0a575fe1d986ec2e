// "0-3,8" as in /sys/devices/system/cpu/online.
#pragma once

#include <string_view>
#include <vector>

namespace fdr {

std::vector<int> parse_cpu_list(std::string_view text);  // empty on anything malformed
std::vector<int> online_cpus();
std::vector<int> possible_cpus();

}  // namespace fdr
