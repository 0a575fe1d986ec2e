// The TCP and UDP sockets of one network namespace, as the kernel's sock_diag lists them: state, queues, buffers, drops, bytes. Opened
// inside the namespace and kept: a netlink socket stays in the namespace it was made in. Lists are bounded, and replies are parsed with
// every length checked. Sockets that belong to no process (TIME_WAIT, SYN_RECV) are not asked for.
// Source: include/uapi/linux/{sock_diag,inet_diag}.h, net/ipv4/inet_diag.c. One thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"

namespace fdr {

struct SocketRow {
  bool tcp = false, v6 = false;
  std::uint8_t state = 0;  // the kernel's TCP_* number, which UDP borrows
  std::array<std::uint8_t, 16> local{}, remote{};  // network byte order; the first four for IPv4
  std::uint16_t local_port = 0, remote_port = 0;   // 0: none
  std::uint32_t recv_q = 0, send_q = 0;  // bytes; of a listening socket: connections that wait, and how many may
  std::uint32_t rcvbuf = 0, sndbuf = 0, drops = 0;  // 0 where the kernel does not say
  std::uint64_t rx_bytes = 0, tx_bytes = 0;         // TCP: received in order, and acknowledged by the peer
  std::uint32_t rx_packets = 0, tx_packets = 0;     // TCP: segments, without and with data; they begin anew past 2^32
  std::uint32_t inode = 0, uid = 0;

  bool has_state(const char* name) const;
};

// "established", "close_wait", "listen", ...; "unconnected" for a UDP socket without a peer.
const char* socket_state(const SocketRow& row);
// The names that a TCP socket's state can have here.
std::span<const char* const> tcp_state_names();
// "10.0.0.1:80", "[::1]:80"; empty for a peer that there is not.
std::string local_address(const SocketRow& row);
std::string remote_address(const SocketRow& row);

// What one datagram of the kernel's answer holds; false where it was the last.
struct DiagAnswer {
  bool done = false;
  int error = 0;  // errno of the kernel's refusal
};
DiagAnswer parse_diag_answer(std::span<const std::byte> datagram, bool tcp, std::vector<SocketRow>& rows);

class SocketDiag {
 public:
  static constexpr std::size_t kMostSockets = 65'536;

  // In the network namespace that the calling thread is in. Throws Error.
  SocketDiag();

  struct Listing {
    std::vector<SocketRow> rows;
    bool cut = false;       // there are more than kMostSockets
    std::string problem;    // why some, or all, are missing
  };
  Listing list();

 private:
  FileDescriptor socket_;
  std::uint32_t sequence_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace fdr
