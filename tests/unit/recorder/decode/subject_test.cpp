#include "recorder/decode/subject.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cstring>
#include <string_view>

using namespace fdr;

namespace {

fdr_call call_on(std::uint16_t kind, std::string_view text, std::uint32_t length) {
  fdr_call call{};
  call.subject_kind = kind;
  call.subject_length = length;
  text.copy(reinterpret_cast<char*>(call.subject), sizeof call.subject);
  return call;
}

fdr_call call_on(const fdr_peer& peer) {
  fdr_call call{};
  call.subject_kind = FDR_SUBJECT_SOCKET;
  call.subject_length = sizeof peer;
  std::memcpy(call.subject, &peer, sizeof peer);
  return call;
}

fdr_peer peer_of(int family, int type, std::uint16_t local, std::uint16_t remote,
                 std::initializer_list<std::uint8_t> address) {
  fdr_peer peer{};
  peer.family = static_cast<std::uint16_t>(family);
  peer.type = static_cast<std::uint16_t>(type);
  peer.local_port = local;
  peer.remote_port = remote;
  std::copy(address.begin(), address.end(), peer.remote);
  return peer;
}

}  // namespace

TEST_CASE("subject: paths and file names, as long as the record says") {
  CHECK(subject_text(call_on(FDR_SUBJECT_PATH, "/etc/hosts", 10)) == "/etc/hosts");
  CHECK(subject_text(call_on(FDR_SUBJECT_FILE, "data.log and what was here before", 8)) == "data.log");
  CHECK(subject_text(call_on(FDR_SUBJECT_PATH, "", 0)).empty());
  CHECK(subject_text(call_on(FDR_SUBJECT_NONE, "/etc/hosts", 10)).empty());
  CHECK(subject_text(call_on(99, "/etc/hosts", 10)).empty());
}

TEST_CASE("subject: a length that lies and a path without an end are bounded by the field") {
  const std::string longest(FDR_SUBJECT, 'x');
  CHECK(subject_text(call_on(FDR_SUBJECT_PATH, longest, FDR_SUBJECT)) == longest);
  CHECK(subject_text(call_on(FDR_SUBJECT_PATH, longest, FDR_SUBJECT + 1)) == longest);
  CHECK(subject_text(call_on(FDR_SUBJECT_FILE, longest, UINT32_MAX)) == longest);
}

TEST_CASE("subject: both ends of a socket") {
  CHECK(subject_text(call_on(peer_of(AF_INET, SOCK_STREAM, 40000, 443, {10, 1, 2, 3}))) ==
        "tcp 10.1.2.3:443 from port 40000");
  CHECK(subject_text(call_on(peer_of(AF_INET, SOCK_DGRAM, 5353, 53, {127, 0, 0, 1}))) ==
        "udp 127.0.0.1:53 from port 5353");
  CHECK(subject_text(call_on(
            peer_of(AF_INET6, SOCK_STREAM, 80, 50000, {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}))) ==
        "tcp [2001:db8::1]:50000 from port 80");
  CHECK(subject_text(call_on(peer_of(AF_INET, SOCK_STREAM, 8080, 0, {}))) == "tcp port 8080");  // it listens
  CHECK(subject_text(call_on(peer_of(AF_INET, SOCK_STREAM, 0, 9, {127, 0, 0, 1}))) == "tcp 127.0.0.1:9");  // refused
}

TEST_CASE("subject: sockets without ports") {
  CHECK(subject_text(call_on(peer_of(AF_UNIX, SOCK_STREAM, 1, 2, {}))) == "unix socket");
  CHECK(subject_text(call_on(peer_of(AF_NETLINK, SOCK_RAW, 0, 0, {}))) == "netlink socket");
  CHECK(subject_text(call_on(peer_of(AF_PACKET, SOCK_RAW, 0, 0, {}))) == "socket of family 17");
}
