#include "recorder/heartbeats/send_beats.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cmath>
#include <cstring>

using namespace fdr;
using namespace std::chrono_literals;

namespace {

fdr_send_key to(const char* address, std::uint16_t port, std::uint32_t tgid = 100) {
  fdr_send_key key{};
  key.tgid = tgid;
  key.port = port;
  key.family = std::strchr(address, ':') ? AF_INET6 : AF_INET;
  REQUIRE(::inet_pton(key.family, address, key.address) == 1);
  return key;
}

HeartbeatConfig config(const char* name, const char* comm, int port, bool by_peer) {
  HeartbeatConfig beat;
  beat.name = name;
  beat.from = BeatSource::kSend;
  beat.comm = comm;
  beat.port = port;
  beat.by_peer = by_peer;
  return beat;
}

struct Fixture {
  ProcessTable table{{"router"}};
  Fixture() {
    table.add_existing(100, 0, {}, Timestamp{1s});
    fdr_thread thread{};
    thread.id = 1 << FDR_THREAD_SLOT_BITS;
    thread.tid = thread.tgid = 100;
    std::strcpy(thread.comm, "bird");
    table.add_thread(thread);
  }
};

}  // namespace

TEST_CASE("send beats: peers are written as people write them") {
  CHECK(peer_text(to("127.77.0.1", 3784)) == "127.77.0.1:3784");
  CHECK(peer_text(to("fe80::1", 80)) == "[fe80::1]:80");
  CHECK(peer_text(to("::ffff:10.0.0.1", 80)) == "10.0.0.1:80");
}

TEST_CASE_FIXTURE(Fixture, "send beats: a count that moved is a beat of that peer, one that did not is none") {
  const std::vector<HeartbeatConfig> configs = {config("bfd", "bird", 3784, true), config("all", "router", 0, false)};
  SendBeats sends(configs);
  REQUIRE(sends.wanted());
  Heartbeats beats(configs);
  sends.advance({{to("10.0.0.1", 3784), {5'000'000'000, 1}}, {to("10.0.0.2", 3784), {5'000'000'000, 9}}, {to("10.0.0.2", 53), {6'000'000'000, 1}}},
                table, beats);
  sends.advance({{to("10.0.0.1", 3784), {7'000'000'000, 2}}, {to("10.0.0.2", 3784), {5'000'000'000, 9}}, {to("10.0.0.2", 53), {6'000'000'000, 1}}},
                table, beats);
  beats.ages(Timestamp{8s});
  const auto ages = beats.ages(Timestamp{8s});
  REQUIRE(beats.peer_ages().size() == 2);  // port 53 is not asked for
  CHECK(beats.peer_ages()[0].peer == "10.0.0.1:3784");
  CHECK(beats.peer_ages()[0].age == doctest::Approx(1));
  CHECK(beats.peer_ages()[1].age == doctest::Approx(3));
  CHECK(ages[0] == doctest::Approx(3));
  CHECK(ages[1] == doctest::Approx(1));  // whomever to
}

TEST_CASE_FIXTURE(Fixture, "send beats: another program's sends are not these") {
  const std::vector<HeartbeatConfig> configs = {config("bfd", "quagga", 3784, true)};
  SendBeats sends(configs);
  Heartbeats beats(configs);
  sends.advance({{to("10.0.0.1", 3784), {5'000'000'000, 1}}, {to("10.0.0.1", 3784, 999), {5'000'000'000, 1}}}, table, beats);
  CHECK(std::isnan(beats.ages(Timestamp{8s})[0]));
  CHECK_FALSE(SendBeats({}).wanted());
}
