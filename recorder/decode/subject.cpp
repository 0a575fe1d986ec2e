#include "recorder/decode/subject.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace fdr {
namespace {

std::string peer_text(const fdr_peer& peer) {
  const char* transport = peer.type == SOCK_DGRAM ? "udp" : "tcp";
  char address[INET6_ADDRSTRLEN] = "";
  if (peer.family == AF_INET || peer.family == AF_INET6) {
    inet_ntop(peer.family, peer.remote, address, sizeof address);
    const bool six = peer.family == AF_INET6;
    if (peer.remote_port == 0) return fmt::format("{} port {}", transport, peer.local_port);
    const std::string from = peer.local_port ? fmt::format(" from port {}", peer.local_port) : "";  // a connect that was refused has none
    return fmt::format("{} {}{}{}:{}{}", transport, six ? "[" : "", address, six ? "]" : "", peer.remote_port, from);
  }
  if (peer.family == AF_UNIX) return "unix socket";
  if (peer.family == AF_NETLINK) return "netlink socket";
  return fmt::format("socket of family {}", peer.family);
}

}  // namespace

std::string subject_text(const fdr_call& call) {
  switch (call.subject_kind) {
    case FDR_SUBJECT_PATH:
    case FDR_SUBJECT_FILE:
      return std::string(reinterpret_cast<const char*>(call.subject), std::min<std::size_t>(call.subject_length, sizeof call.subject));
    case FDR_SUBJECT_SOCKET: {
      fdr_peer peer;
      std::memcpy(&peer, call.subject, sizeof peer);
      return peer_text(peer);
    }
    default: return {};
  }
}

}  // namespace fdr
