// Sockets of a sockets.ndjson (FORMAT.md 1.2): for `fdr show` and for the findings. The text is a stranger's: a line that does not
// parse costs its socket only, a value of a wrong type is not there. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fdr {

struct ListedSocket {
  std::optional<std::string> protocol, state, local, remote;
  std::optional<std::uint64_t> recv_q, send_q, drops, rcvbuf, sndbuf, rx_bytes, tx_bytes, inode, uid, pid, netns;
};

struct SocketList {
  std::vector<ListedSocket> sockets;
  bool whole = true;  // false: the last line says that some are left out, or why
};

inline constexpr std::size_t kMostSockets = 10'000;

SocketList read_sockets(std::string_view text);

}  // namespace fdr
