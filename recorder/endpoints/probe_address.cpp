#include "recorder/endpoints/probe_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace fdr {
namespace {

template <class Address>
SocketAddress stored(const Address& address) {
  SocketAddress result;
  std::memcpy(&result.storage, &address, sizeof address);
  result.length = sizeof address;
  return result;
}

std::optional<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535) return std::nullopt;
  return port;
}

bool printable_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

}  // namespace

std::optional<SocketAddress> numeric_address(const std::string& host, int port) {
  if (port < 1 || port > 65535) return std::nullopt;
  sockaddr_in four{};
  four.sin_family = AF_INET;
  four.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, host == "localhost" ? "127.0.0.1" : host.c_str(), &four.sin_addr) == 1) return stored(four);
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET6, host.c_str(), &six.sin6_addr) == 1) return stored(six);
  return std::nullopt;
}

std::optional<HttpUrl> parse_http_url(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  if (!url.starts_with(kScheme) || !printable_ascii(url)) return std::nullopt;
  url.remove_prefix(kScheme.size());
  const std::size_t slash = std::min(url.find_first_of("/?"), url.size());
  const std::string_view authority = url.substr(0, slash), rest = url.substr(slash);
  if (authority.find('@') != std::string_view::npos || rest.find('#') != std::string_view::npos) return std::nullopt;
  std::string_view host = authority, port_text;
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    host = authority.substr(1, end - 1);
    port_text = authority.substr(end + 1);
  } else if (const std::size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port_text = authority.substr(colon);
  }
  int port = 80;
  if (!port_text.empty()) {
    const auto given = port_text[0] == ':' ? parse_port(port_text.substr(1)) : std::nullopt;
    if (!given) return std::nullopt;
    port = *given;
  }
  const auto address = numeric_address(std::string(host), port);
  if (!address) return std::nullopt;
  return HttpUrl{*address, std::string(authority), rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest)};
}

std::optional<int> http_status(std::string_view answer) {
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr std::size_t kNeeded = 12;  // "HTTP/1.1 200"
  const std::string_view begin = answer.substr(0, kVersion.size());
  if (begin != kVersion.substr(0, begin.size())) return 0;
  if (answer.size() < kNeeded) return std::nullopt;
  int status = 0;
  const auto [end, error] = std::from_chars(answer.data() + 9, answer.data() + kNeeded, status);
  return answer[8] == ' ' && error == std::errc{} && end == answer.data() + kNeeded && status >= 100 ? status : 0;
}

}  // namespace fdr
