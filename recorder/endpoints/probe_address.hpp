// Where a probe goes: addresses in figures only, because looking a name up can block for seconds. Pure.
#pragma once

#include <sys/socket.h>

#include <optional>
#include <string>
#include <string_view>

namespace fdr {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  int family() const { return storage.ss_family; }
};

// "127.0.0.1", "::1" or "localhost" (which is 127.0.0.1); nothing for anything else and for ports beyond 1..65535.
std::optional<SocketAddress> numeric_address(const std::string& host, int port);

struct HttpUrl {
  SocketAddress address;
  std::string host;  // as it goes into the Host header, with the port where it is not 80
  std::string path;  // with the query, "/" at least
};

// "http://ADDRESS[:PORT][/PATH][?QUERY]". Nothing for https, user names, fragments, and bytes that must not stand in a
// request line.
std::optional<HttpUrl> parse_http_url(std::string_view url);

// "HTTP/1.1 204 No Content..." -> 204. Nothing while the line is too short to tell; 0 where it is no HTTP.
std::optional<int> http_status(std::string_view answer);

}  // namespace fdr
