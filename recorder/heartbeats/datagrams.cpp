#include "recorder/heartbeats/datagrams.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace fdr {
namespace {

constexpr std::int64_t kLongestWait_ns = 60'000'000'000;  // in the queue; sockets are looked at each tick
constexpr std::size_t kAncillary = 2048;  // a time, credentials and 253 descriptors (SCM_MAX_FD)

template <class Value>
Value value_of(const cmsghdr& part, std::size_t index = 0) {
  Value value;
  std::memcpy(&value, CMSG_DATA(&part) + index * sizeof value, sizeof value);
  return value;
}

void read_ancillary(msghdr& message, const ClockAnchor& anchor, Datagram& datagram) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != SOL_SOCKET) continue;
    if (part->cmsg_type == SCM_RIGHTS) {
      const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (std::size_t i = 0; i < count; ++i) datagram.descriptors.emplace_back(value_of<int>(*part, i));
    } else if (part->cmsg_type == SCM_CREDENTIALS) {
      const auto sender = value_of<ucred>(*part);
      datagram.pid = sender.pid;
      datagram.uid = sender.uid;
    } else if (part->cmsg_type == SCM_TIMESTAMPNS) {
      const auto received = value_of<timespec>(*part);
      const std::int64_t realtime = std::int64_t{received.tv_sec} * 1'000'000'000 + received.tv_nsec;
      // The clock may have been set meanwhile: nothing came after this moment, or long before it.
      const std::int64_t waited_ns = std::clamp<std::int64_t>(anchor.realtime_ns - realtime, 0, kLongestWait_ns);
      datagram.time = Timestamp{Duration{anchor.monotonic_ns - waited_ns}};
    }
  }
}

void turn_on(int socket, int option) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, option, &on, sizeof on);
}

}  // namespace

void stamp_datagrams(int socket) { turn_on(socket, SO_TIMESTAMPNS); }
void take_senders(int socket) { turn_on(socket, SO_PASSCRED); }

std::vector<Datagram> drain_datagrams(int socket, const DatagramLimits& limits) {
  std::vector<Datagram> datagrams;
  const ClockAnchor anchor = ClockAnchor::now();
  std::string text(limits.bytes, '\0');
  while (datagrams.size() < limits.count) {
    alignas(cmsghdr) char ancillary[kAncillary];
    iovec part{text.data(), text.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof ancillary;
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) break;
    Datagram datagram{.text = text.substr(0, static_cast<std::size_t>(got)), .time = from_ns(static_cast<std::uint64_t>(anchor.monotonic_ns))};
    datagram.cut = (message.msg_flags & MSG_TRUNC) != 0;
    read_ancillary(message, anchor, datagram);
    if (!limits.descriptors) datagram.descriptors.clear();
    datagrams.push_back(std::move(datagram));
  }
  return datagrams;
}

}  // namespace fdr
