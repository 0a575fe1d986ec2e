#include "recorder/heartbeats/beat_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "formats/error.hpp"
#include "recorder/system/run_places.hpp"

namespace fdr {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

}  // namespace

FileDescriptor bind_datagrams(const std::string& path, mode_t mode) {
  ::unlink(path.c_str());
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  const mode_t before = ::umask(0777 & ~mode);
  const int bound = ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound) throw system_error("bind " + path, errno);
  stamp_datagrams(socket.get());
  return socket;
}

BeatSocket::BeatSocket(const std::string& path) : socket_(bind_datagrams(path, 0660)) {}

std::vector<Datagram> BeatSocket::drain() {
  std::vector<Datagram> beats = drain_datagrams(socket_.get());
  for (Datagram& beat : beats)
    while (!beat.text.empty() && (beat.text.back() == '\n' || beat.text.back() == '\0')) beat.text.pop_back();
  return beats;
}

std::vector<std::string> send_beat(const std::string& name, const std::vector<std::string>& recorders) {
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  std::vector<std::string> forbidden;
  for (const std::string& recorder : recorders) {
    const std::string path = run_directory_of(recorder) + "/beat.sock";
    const sockaddr_un address = address_of(path);
    const ssize_t sent = ::sendto(socket.get(), name.data(), name.size(), MSG_DONTWAIT | MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    if (sent < 0 && errno == EACCES) forbidden.push_back(path);
  }
  return forbidden;
}

}  // namespace fdr
