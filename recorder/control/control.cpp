#include "recorder/control/control.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "formats/error.hpp"
#include "formats/json_writer.hpp"
#include "recorder/system/run_places.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRequest = 8192, kMostWaiting = 16;
constexpr std::size_t kMostReply = 16u << 20;

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw Error("socket path too long: " + path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

// The socket's mode keeps others out; whoever came by a descriptor of it, or found it with another mode, is still not heard.
bool is_ours(int connection) {
  ucred peer{};
  socklen_t length = sizeof peer;
  return ::getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && (peer.uid == 0 || peer.uid == ::geteuid());
}

}  // namespace

ControlServer::ControlServer(const std::string& path) {
  ::unlink(path.c_str());
  socket_ = FileDescriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const sockaddr_un address = address_of(path);
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  if (bound || ::listen(socket_.get(), 8)) throw system_error("listen on " + path, errno);
}

std::vector<int> ControlServer::waiting() const {
  std::vector<int> descriptors;
  for (const Waiting& one : waiting_) descriptors.push_back(one.connection.get());
  return descriptors;
}

std::vector<ControlRequest> ControlServer::receive() {
  for (;;) {
    FileDescriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    full_ = !connection.valid() && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);
    if (!connection.valid()) break;
    if (!is_ours(connection.get())) continue;
    if (waiting_.size() >= kMostWaiting) waiting_.erase(waiting_.begin());
    waiting_.push_back({std::move(connection), {}});
  }
  std::vector<ControlRequest> requests;
  std::erase_if(waiting_, [&](Waiting& one) {
    char bytes[4096];
    for (;;) {
      const ssize_t got = ::recv(one.connection.get(), bytes, sizeof bytes, 0);
      if (got < 0 && errno == EAGAIN) return false;
      if (got <= 0 || one.bytes.size() + static_cast<std::size_t>(got) > kMostRequest) return true;
      one.bytes.append(bytes, static_cast<std::size_t>(got));
      if (one.bytes.find('\n') == std::string::npos) continue;
      const auto request = nlohmann::json::parse(one.bytes, nullptr, false);
      if (!request.is_object() || !request.contains("verb") || !request["verb"].is_string()) return true;
      ControlRequest parsed;
      parsed.verb = request["verb"].get<std::string>();
      if (const auto text = request.find("text"); text != request.end() && text->is_string()) parsed.text = text->get<std::string>();
      parsed.connection = std::move(one.connection);
      requests.push_back(std::move(parsed));
      return true;
    }
  });
  return requests;
}

std::string ok_reply(const char* key, const std::string& value) {
  return json_line([&](JsonWriter& json) {
    json.field("ok", true);
    json.field(key, value);
  });
}

std::string error_reply(const std::string& error, const std::string& hint) {
  return json_line([&](JsonWriter& json) {
    json.field("error", error);
    json.field("hint", hint);
  });
}

void reply(FileDescriptor connection, const std::string& line) {
  const int room = static_cast<int>(line.size()) + 4096;
  ::setsockopt(connection.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  [[maybe_unused]] const ssize_t sent = ::send(connection.get(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

std::string ask_recorder(const std::string& recorder, const std::string& verb, const std::string& text) {
  const std::string path = run_directory_of(recorder) + "/control.sock";
  const FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const sockaddr_un address = address_of(path);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address))
    throw system_error("reach recorder '" + recorder + "' at " + path, errno, errno == EACCES ? "run as the recorder's user (root)" : "");
  const std::string request = json_line([&](JsonWriter& json) {
    json.field("verb", verb);
    json.field("text", text);
  });
  if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    throw system_error("send to recorder '" + recorder + "'", errno);
  std::string bytes;
  char part[65536];
  for (;;) {
    const ssize_t got = ::recv(socket.get(), part, sizeof part, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || bytes.size() > kMostReply) break;
    bytes.append(part, static_cast<std::size_t>(got));
  }
  const auto answer = nlohmann::json::parse(bytes, nullptr, false);
  if (!answer.is_object()) throw Error("recorder '" + recorder + "' went away without an answer");
  if (const auto error = answer.find("error"); error != answer.end() && error->is_string())
    throw Error("recorder '" + recorder + "': " + error->get<std::string>(), answer.value("hint", ""));
  return bytes;
}

}  // namespace fdr
