#include "recorder/datagrams.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace fdr {
namespace {

constexpr int kMostPerDrain = 4096;

}  // namespace

void stamp_datagrams(int socket) {
  const int on = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

std::vector<Datagram> drain_datagrams(int socket) {
  std::vector<Datagram> datagrams;
  const ClockAnchor anchor = ClockAnchor::now();
  for (int i = 0; i < kMostPerDrain; ++i) {
    char text[64], ancillary[256];
    iovec part{text, sizeof text};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof ancillary;
    const ssize_t got = ::recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (got < 0) break;
    Datagram datagram{std::string(text, static_cast<std::size_t>(got)), from_ns(static_cast<std::uint64_t>(anchor.monotonic_ns))};
    for (cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of; part_of = CMSG_NXTHDR(&message, part_of)) {
      if (part_of->cmsg_level == SOL_SOCKET && part_of->cmsg_type == SCM_RIGHTS) {
        // Descriptors nobody asked for: closed at once, or their sender keeps them alive in us.
        const std::size_t count = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (std::size_t d = 0; d < count; ++d) {
          int descriptor;
          std::memcpy(&descriptor, CMSG_DATA(part_of) + d * sizeof descriptor, sizeof descriptor);
          ::close(descriptor);
        }
      } else if (part_of->cmsg_level == SOL_SOCKET && part_of->cmsg_type == SCM_TIMESTAMPNS) {
        timespec received;
        std::memcpy(&received, CMSG_DATA(part_of), sizeof received);
        const std::int64_t realtime = std::int64_t{received.tv_sec} * 1'000'000'000 + received.tv_nsec;
        datagram.time = Timestamp{Duration{anchor.monotonic_ns - (anchor.realtime_ns - realtime)}};
      }
    }
    datagrams.push_back(std::move(datagram));
  }
  return datagrams;
}

}  // namespace fdr
