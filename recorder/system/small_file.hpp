// Reading small files of /proc and /sys, bounded, never following a link at the end, never waiting on a FIFO.
#pragma once

#include <optional>
#include <string>

namespace fdr {

std::optional<std::string> read_small_file(const std::string& path, std::size_t most = 1u << 20);
std::string read_link(const std::string& path);  // empty where it cannot be read

}  // namespace fdr
