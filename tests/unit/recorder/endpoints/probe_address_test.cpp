#include "recorder/endpoints/probe_address.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstring>

#include "recorder/endpoints/connect_probe.hpp"

using namespace fdr;

TEST_CASE("probe addresses: figures only") {
  const auto four = numeric_address("localhost", 8080);
  REQUIRE(four);
  sockaddr_in in{};
  std::memcpy(&in, &four->storage, sizeof in);
  CHECK(in.sin_port == htons(8080));
  CHECK(in.sin_addr.s_addr == htonl(INADDR_LOOPBACK));
  CHECK(numeric_address("::1", 1)->family() == AF_INET6);
  CHECK_FALSE(numeric_address("example.org", 80));
  CHECK_FALSE(numeric_address("127.0.0.1", 0));
  CHECK_FALSE(numeric_address("127.0.0.1", 65536));
}

TEST_CASE("probe addresses: URLs") {
  const auto url = parse_http_url("http://127.0.0.1:10009/v1/getinfo?full=1");
  REQUIRE(url);
  CHECK(url->host == "127.0.0.1:10009");
  CHECK(url->path == "/v1/getinfo?full=1");
  CHECK(http_request(*url).starts_with("GET /v1/getinfo?full=1 HTTP/1.1\r\nHost: 127.0.0.1:10009\r\n"));
  CHECK(parse_http_url("http://localhost")->path == "/");
  CHECK(parse_http_url("http://localhost?x")->path == "/?x");
  CHECK(parse_http_url("http://[::1]:80/")->address.family() == AF_INET6);
  for (const char* bad : {"https://127.0.0.1/", "127.0.0.1", "http://", "http://host.example/", "http://127.0.0.1:x/", "http://127.0.0.1:/",
                          "http://127.0.0.1:99999/", "http://user@127.0.0.1/", "http://127.0.0.1/#a", "http://127.0.0.1/a b",
                          "http://127.0.0.1/\r\nX: y", "http://[::1/", "http://[::1]80/"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_http_url(bad));
  }
}

TEST_CASE("probe answers: the status") {
  CHECK(http_status("HTTP/1.1 204 No Content\r\n") == 204);
  CHECK(http_status("HTTP/1.0 500") == 500);
  CHECK_FALSE(http_status("HTTP/1.1 20"));  // more may come
  CHECK_FALSE(http_status(""));
  CHECK(http_status("SSH-2.0-x") == 0);
  CHECK(http_status("HTTP/1.1 2x4 ") == 0);
  CHECK(http_status("HTTP/1.1x200") == 0);
}
