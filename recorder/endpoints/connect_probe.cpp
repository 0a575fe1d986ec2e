#include "recorder/endpoints/connect_probe.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace fdr {
namespace {

constexpr std::size_t kMostReceived = 64u << 10;

}  // namespace

std::string http_request(const HttpUrl& url) {
  return "GET " + url.path + " HTTP/1.1\r\nHost: " + url.host + "\r\nUser-Agent: fdr\r\nAccept: */*\r\nConnection: close\r\n\r\n";
}

bool ConnectProbe::start(Timestamp now, Duration timeout) {
  until_ = now + timeout;
  connected_ = answered_ = false;
  sent_ = received_ = 0;
  begin_.clear();
  socket_ = FileDescriptor(::socket(address_.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (socket_.valid() && ::connect(socket_.get(), address_.get(), address_.length) && errno != EINPROGRESS) socket_.reset();
  return advance(now);  // on loopback the connection is there already, and the request need not wait for the next tick
}

bool ConnectProbe::advance(Timestamp now) {
  if (!socket_.valid()) return false;
  const bool success = connected() && converse();
  if (now >= until_) socket_.reset();
  return success;
}

short ConnectProbe::events() const { return connected_ && sent_ == request_.size() ? POLLIN : POLLOUT; }

bool ConnectProbe::connected() {
  if (connected_) return true;
  pollfd writable{socket_.get(), POLLOUT, 0};
  if (::poll(&writable, 1, 0) != 1) return false;
  int error = 0;
  socklen_t length = sizeof error;
  ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error) socket_.reset();
  return connected_ = error == 0;
}

bool ConnectProbe::converse() {
  if (request_.empty()) {
    socket_.reset();
    return true;
  }
  if (sent_ < request_.size()) {
    const ssize_t sent = ::send(socket_.get(), request_.data() + sent_, request_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) sent_ += static_cast<std::size_t>(sent);
  }
  char part[4096];
  for (;;) {
    const ssize_t got = ::recv(socket_.get(), part, sizeof part, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) break;
    const std::size_t size = got > 0 ? static_cast<std::size_t>(got) : 0;
    received_ += size;
    if (begin_.size() < keep_) begin_.append(part, std::min(size, keep_ - begin_.size()));
    if (got > 0 && received_ < std::max(kMostReceived, keep_)) continue;
    socket_.reset();
    break;
  }
  const auto status = http_status(begin_);
  if (answered_ || !status) return false;
  answered_ = true;
  return *status >= 200 && *status < 400;
}

}  // namespace fdr
