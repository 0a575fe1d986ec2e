#include "recorder/metrics/socket_diag.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "formats/error.hpp"

namespace fdr {
namespace {

// include/net/tcp_states.h; not in uapi.
constexpr std::array<const char*, 12> kTcpStates = {"unknown",   "established", "syn_sent",   "syn_recv", "fin_wait1", "fin_wait2",
                                                    "time_wait", "close",       "close_wait", "last_ack", "listen",    "closing"};
constexpr std::uint8_t kEstablished = 1, kSynRecv = 3, kTimeWait = 6, kListen = 10, kClosing = 11;
constexpr std::size_t kBufferBytes = 256 * 1024;

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

// A value of type T at the beginning of `bytes`; nothing where it is too short.
template <class T>
std::optional<T> value_at(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

template <class T>
T field_at(std::span<const std::byte> bytes, std::size_t offset) {
  return offset <= bytes.size() ? value_at<T>(bytes.subspan(offset)).value_or(0) : T{};
}

std::string address_text(bool v6, const std::array<std::uint8_t, 16>& address, std::uint16_t port) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(v6 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  return v6 ? fmt::format("[{}]:{}", text, port) : fmt::format("{}:{}", text, port);
}

void take_attribute(std::uint16_t type, std::span<const std::byte> body, SocketRow& row) {
  if (type == INET_DIAG_SKMEMINFO) {
    const auto number = [&](std::size_t index) { return field_at<std::uint32_t>(body, index * sizeof(std::uint32_t)); };
    row.rcvbuf = number(SK_MEMINFO_RCVBUF);
    row.sndbuf = number(SK_MEMINFO_SNDBUF);
    row.drops = number(SK_MEMINFO_DROPS);
  } else if (type == INET_DIAG_INFO && row.tcp && row.state != kListen) {
    row.rx_bytes = field_at<std::uint64_t>(body, offsetof(tcp_info, tcpi_bytes_received));
    row.tx_bytes = field_at<std::uint64_t>(body, offsetof(tcp_info, tcpi_bytes_acked));
    row.rx_packets = field_at<std::uint32_t>(body, offsetof(tcp_info, tcpi_segs_in));
    row.tx_packets = field_at<std::uint32_t>(body, offsetof(tcp_info, tcpi_segs_out));
  }
}

void take_socket(std::span<const std::byte> body, bool tcp, std::vector<SocketRow>& rows) {
  const auto message = value_at<inet_diag_msg>(body);
  if (!message || (message->idiag_family != AF_INET && message->idiag_family != AF_INET6)) return;
  SocketRow row;
  row.tcp = tcp;
  row.v6 = message->idiag_family == AF_INET6;
  row.state = message->idiag_state;
  std::memcpy(row.local.data(), message->id.idiag_src, row.v6 ? 16 : 4);
  std::memcpy(row.remote.data(), message->id.idiag_dst, row.v6 ? 16 : 4);
  row.local_port = ntohs(message->id.idiag_sport);
  row.remote_port = ntohs(message->id.idiag_dport);
  row.recv_q = message->idiag_rqueue;
  row.send_q = message->idiag_wqueue;
  row.inode = message->idiag_inode;
  row.uid = message->idiag_uid;
  body = body.subspan(sizeof(inet_diag_msg));
  while (const auto attribute = value_at<nlattr>(body)) {
    if (attribute->nla_len < sizeof(nlattr) || attribute->nla_len > body.size()) break;
    take_attribute(attribute->nla_type & NLA_TYPE_MASK, body.subspan(sizeof(nlattr), attribute->nla_len - sizeof(nlattr)), row);
    body = body.subspan(std::min<std::size_t>(NLA_ALIGN(attribute->nla_len), body.size()));
  }
  rows.push_back(row);
}

}  // namespace

const char* socket_state(const SocketRow& row) {
  if (!row.tcp) return row.state == kEstablished ? "established" : "unconnected";
  return row.state < kTcpStates.size() ? kTcpStates[row.state] : kTcpStates[0];
}

bool SocketRow::has_state(const char* name) const { return std::strcmp(socket_state(*this), name) == 0; }

std::span<const char* const> tcp_state_names() {
  static constexpr std::array kOwned = {"established", "syn_sent", "fin_wait1", "fin_wait2", "close", "close_wait", "last_ack", "listen", "closing"};
  return kOwned;
}

std::string local_address(const SocketRow& row) { return address_text(row.v6, row.local, row.local_port); }
std::string remote_address(const SocketRow& row) { return row.remote_port ? address_text(row.v6, row.remote, row.remote_port) : std::string(); }

DiagAnswer parse_diag_answer(std::span<const std::byte> datagram, bool tcp, std::vector<SocketRow>& rows) {
  DiagAnswer answer;
  while (const auto header = value_at<nlmsghdr>(datagram)) {
    if (header->nlmsg_len < sizeof(nlmsghdr) || header->nlmsg_len > datagram.size()) break;
    const auto body = datagram.subspan(sizeof(nlmsghdr), header->nlmsg_len - sizeof(nlmsghdr));
    if (header->nlmsg_type == NLMSG_DONE) {
      answer.done = true;
      return answer;
    }
    if (header->nlmsg_type == NLMSG_ERROR) {
      const auto error = value_at<nlmsgerr>(body);
      answer.done = true;
      answer.error = error && error->error < 0 && error->error > -4096 ? -error->error : EPROTO;
      return answer;
    }
    if (header->nlmsg_type == SOCK_DIAG_BY_FAMILY) take_socket(body, tcp, rows);
    datagram = datagram.subspan(std::min<std::size_t>(NLMSG_ALIGN(header->nlmsg_len), datagram.size()));
  }
  return answer;
}

SocketDiag::SocketDiag() : socket_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)), buffer_(kBufferBytes) {
  if (!socket_.valid()) throw Error(std::string("no sock_diag: ") + std::strerror(errno));
  const timeval patience{.tv_sec = 1, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
}

SocketDiag::Listing SocketDiag::list() {
  Listing listing;
  const auto fail = [&](const char* what, int error) {
    if (listing.problem.empty()) listing.problem = fmt::format("sock_diag, {}: {}", what, std::strerror(error));
  };
  for (const bool tcp : {true, false}) {
    for (const std::uint8_t family : {std::uint8_t{AF_INET}, std::uint8_t{AF_INET6}}) {
      Request request{};
      request.header = {.nlmsg_len = sizeof request, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                        .nlmsg_seq = ++sequence_, .nlmsg_pid = 0};
      request.body.sdiag_family = family;
      request.body.sdiag_protocol = tcp ? IPPROTO_TCP : IPPROTO_UDP;
      request.body.idiag_ext = 1 << (INET_DIAG_INFO - 1) | 1 << (INET_DIAG_SKMEMINFO - 1);
      request.body.idiag_states = ((1u << (kClosing + 1)) - 1) & ~(1u << kTimeWait | 1u << kSynRecv);
      const char* what = tcp ? "TCP" : "UDP";
      if (::send(socket_.get(), &request, sizeof request, 0) < 0) {
        fail(what, errno);
        continue;
      }
      for (DiagAnswer answer; !answer.done;) {
        const ssize_t got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), 0);
        if (got <= 0) {
          if (got < 0 && errno == EINTR) continue;
          fail(what, got < 0 ? errno : EPROTO);
          return listing;  // out of step with the kernel: the rest of this answer would be taken for the next one's
        }
        const std::span datagram(buffer_.data(), static_cast<std::size_t>(got));
        const auto header = value_at<nlmsghdr>(datagram);
        if (!header || header->nlmsg_seq != sequence_) continue;  // the end of an answer that was given up
        answer = parse_diag_answer(datagram, tcp, listing.rows);
        // IPv6 may be missing on this host: nothing is lost by it.
        if (answer.error && !(family == AF_INET6 && (answer.error == ENOENT || answer.error == EAFNOSUPPORT))) fail(what, answer.error);
        if (listing.rows.size() > kMostSockets) {
          listing.rows.resize(kMostSockets);
          listing.cut = true;  // still read to its end, so that the next question gets its own answer
        }
      }
    }
  }
  return listing;
}

}  // namespace fdr
