// Figures out of the text files of a bundle: "pswpin 123" of vmstat, the columns of /proc/net/snmp, the rows of
// /proc/PID/limits. The text is a stranger's: what does not parse is nothing. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fdr {

std::vector<std::string_view> words_of(std::string_view line);
std::vector<std::string_view> lines_of_text(std::string_view text);
std::optional<std::uint64_t> number_of(std::string_view word, int base = 10);

// The number behind a word that begins a line: figure_of(vmstat, "oom_kill").
std::optional<std::uint64_t> figure_of(std::string_view text, std::string_view name);

// Of /proc/PID/limits: the soft limit of a row ("Max open files"); nothing for "unlimited".
std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view row);

// The inode of "socket:[9165185]", as /proc/PID/fd names a socket.
std::optional<std::uint64_t> socket_inode(std::string_view link);

// An address of /proc/net/tcp and udp: hex in the byte order of the machine, "0100007F:A778" -> "127.0.0.1:42872"; IPv6
// in brackets. Empty for what is none.
std::string socket_address(std::string_view hex);

}  // namespace fdr
