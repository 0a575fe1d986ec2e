#include "recorder/beat_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "formats/error.hpp"
#include "recorder/config.hpp"
#include "recorder/run_directory.hpp"

namespace fdr {
namespace {

constexpr int kMostPerDrain = 4096;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

}  // namespace

BeatSocket::BeatSocket(const std::string& path) {
  ::unlink(path.c_str());
  socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  const mode_t before = ::umask(0117);
  const int bound = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound) throw system_error("bind " + path, errno);
  const int on = 1;
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
}

std::vector<BeatSocket::Beat> BeatSocket::drain() {
  std::vector<Beat> beats;
  const ClockAnchor anchor = ClockAnchor::now();
  for (int i = 0; i < kMostPerDrain; ++i) {
    char name[64], ancillary[256];
    iovec part{name, sizeof name};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary;
    message.msg_controllen = sizeof ancillary;
    const ssize_t got = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0) break;
    Beat beat{std::string(name, static_cast<std::size_t>(got)), from_ns(static_cast<std::uint64_t>(anchor.monotonic_ns))};
    while (!beat.name.empty() && (beat.name.back() == '\n' || beat.name.back() == '\0')) beat.name.pop_back();
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
        beat.time = Timestamp{Duration{anchor.monotonic_ns - (anchor.realtime_ns - realtime)}};
      }
    }
    if (valid_name(beat.name)) beats.push_back(std::move(beat));
  }
  return beats;
}

int send_beat(const std::string& name) {
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  int taken = 0;
  for (const std::string& recorder : known_recorders().alive) {
    const sockaddr_un address = address_of(std::string(kRunRoot) + "/" + recorder + "/beat.sock");
    if (::sendto(socket.get(), name.data(), name.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                 sizeof address) >= 0)
      ++taken;
  }
  return taken;
}

}  // namespace fdr
