// One question over TCP at a time, never waited for: does it accept, and if there is a request, is it answered with a good
// HTTP status? What has come is looked at when advance() is called, once a tick, so an answer that came in time counts
// although the tick was late. An HTTP answer is read to its end (64 KB at most, or what is to be kept): hanging up early would
// look like an error to the program that is asked. One thread.
#pragma once

#include <string>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/endpoints/probe_address.hpp"

namespace fdr {

// The GET that is sent. HTTP/1.1, because some servers know nothing older; the connection is closed behind it.
std::string http_request(const HttpUrl& url);

class ConnectProbe {
 public:
  // An empty request: to be connected is enough. `keep`: so many bytes of the answer are kept.
  ConnectProbe(const SocketAddress& address, std::string request, std::size_t keep = 64)
      : address_(address), request_(std::move(request)), keep_(keep) {}

  // One that still runs is given up. True where it succeeded at once.
  bool start(Timestamp now, Duration timeout);
  // True once for each start, when it succeeded.
  bool advance(Timestamp now);

  // For a thread that has nothing else to do than to wait: while active(), until events() come on descriptor().
  bool active() const { return socket_.valid(); }
  int descriptor() const { return socket_.get(); }
  short events() const;
  const std::string& answer() const { return begin_; }

 private:
  bool connected();
  bool converse();

  SocketAddress address_;
  std::string request_;
  std::size_t keep_;
  FileDescriptor socket_;
  Timestamp until_{};
  bool connected_ = false, answered_ = false;
  std::size_t sent_ = 0, received_ = 0;
  std::string begin_;  // of the answer, `keep_` bytes at most
};

}  // namespace fdr
