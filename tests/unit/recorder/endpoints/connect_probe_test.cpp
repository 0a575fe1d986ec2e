// A server of the test's own on loopback: what it has sent is there, or comes within the test's patience.
#include "recorder/endpoints/connect_probe.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

class Server {
 public:
  Server() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    REQUIRE(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length) == 0);
    REQUIRE(::listen(socket_.get(), 8) == 0);
    REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  SocketAddress address() const { return *numeric_address("127.0.0.1", port_); }
  FileDescriptor accept() const { return FileDescriptor(::accept(socket_.get(), nullptr, nullptr)); }

 private:
  FileDescriptor socket_;
  int port_ = 0;
};

std::string received(const FileDescriptor& connection) {
  char text[4096];
  const ssize_t got = ::recv(connection.get(), text, sizeof text, 0);
  return got > 0 ? std::string(text, static_cast<std::size_t>(got)) : "";
}

void send_text(const FileDescriptor& connection, std::string_view text) {
  REQUIRE(::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

// The first true within a minute of looking; the probe's own clock stands still.
bool succeeds(ConnectProbe& probe, Timestamp now) {
  const Timestamp patience = MonotonicClock::now() + 1min;
  while (!probe.advance(now)) {
    if (MonotonicClock::now() > patience) return false;
    ::sched_yield();
  }
  return true;
}

}  // namespace

TEST_CASE("a probe: connected is enough where nothing is asked, and counts once") {
  const Server server;
  ConnectProbe probe(server.address(), "");
  const Timestamp now{};
  CHECK((probe.start(now, 1s) || succeeds(probe, now)));
  CHECK_FALSE(probe.advance(now));
}

TEST_CASE("a probe: the request is sent, a good status counts once, a bad one does not") {
  const Server server;
  ConnectProbe probe(server.address(), "GET / HTTP/1.1\r\n\r\n");
  const Timestamp now{};
  CHECK_FALSE(probe.start(now, 1s));
  const FileDescriptor good = server.accept();
  probe.advance(now);
  CHECK(received(good) == "GET / HTTP/1.1\r\n\r\n");
  CHECK_FALSE(probe.advance(now));
  send_text(good, "HTTP/1.1 2");
  CHECK_FALSE(probe.advance(now));
  send_text(good, "00 OK\r\n");
  CHECK(succeeds(probe, now));
  send_text(good, "more");
  CHECK_FALSE(probe.advance(now));

  CHECK_FALSE(probe.start(now, 1s));
  const FileDescriptor bad = server.accept();
  probe.advance(now);
  received(bad);
  send_text(bad, "HTTP/1.1 503 No\r\n\r\n");
  ::shutdown(bad.get(), SHUT_WR);
  // It reads to the end, then hangs up: no look until then says that it was well.
  char end;
  while (::recv(bad.get(), &end, 1, MSG_DONTWAIT) < 0) CHECK_FALSE(probe.advance(now));
  CHECK_FALSE(probe.advance(now));
}

TEST_CASE("a probe: without an answer it hangs up at its timeout") {
  const Server server;
  ConnectProbe probe(server.address(), "GET / HTTP/1.1\r\n\r\n");
  const Timestamp now{};
  CHECK_FALSE(probe.start(now, 1s));
  const FileDescriptor silent = server.accept();
  probe.advance(now);
  received(silent);
  CHECK_FALSE(probe.advance(now + 1s));
  CHECK(received(silent).empty());  // the end
  send_text(silent, "HTTP/1.1 200 OK\r\n\r\n");
  CHECK_FALSE(probe.advance(now + 1s));
}
