#include "recorder/cost/self_cost.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace fdr;

namespace {

std::string mapping(const std::string& head, std::uint64_t rss_kb) {
  return head + "\nSize:              65536 kB\nRss:               " + std::to_string(rss_kb) + " kB\nPss:               " + std::to_string(rss_kb) +
         " kB\nAnonHugePages:         0 kB\nVmFlags: rd wr sh mr mw me ms sd\n";
}

const std::string kProgram = mapping("55d0c8a00000-55d0c8b00000 r-xp 00000000 fe:00 1234                       /usr/bin/fdr", 800);
const std::string kHeap = mapping("7f0000000000-7f0008000000 rw-p 00000000 00:00 0 ", 70'000);
const std::string kPerfRing = mapping("7f1000000000-7f1000009000 rw-s 00000000 00:0e 1045                       anon_inode:[perf_event]", 36);

}  // namespace

TEST_CASE("own memory: the window is left out, whatever keeps it") {
  CHECK(rss_beside_window("") == 0);
  CHECK(rss_beside_window(kProgram + kHeap + kPerfRing) == (800 + 70'000 + 36) * 1024);
  for (const char* window : {"7f2000000000-7f2004000000 r--s 00000000 00:0e 1045                       anon_inode:bpf-map",
                             "7f2000000000-7f2004000000 rw-s 00000000 00:01 3077                       /memfd:fdr-window (deleted)",
                             "7f2000000000-7f2004000000 rw-s 00000000 00:1b 77                         /run/fdr/web/window",
                             "7f2000000000-7f2004000000 rw-s 00000000 00:1b 77                         /dev/shm/fdr-1000-web"}) {
    CAPTURE(window);
    CHECK(rss_beside_window(kProgram + mapping(window, 65'536) + kHeap + mapping(window, 4) + kPerfRing) == (800 + 70'000 + 36) * 1024);
  }
}

TEST_CASE("own memory: without the snapshot buffer, and never below nothing") {
  const std::uint64_t whole = own_rss_bytes(0), anonymous = own_anonymous_bytes(0);
  REQUIRE(whole > 1 << 20);
  REQUIRE(anonymous > 0);
  const std::vector<std::uint8_t> snapshot(32u << 20, 1);
  CHECK(own_rss_bytes(0) > whole + (30u << 20));
  CHECK(own_rss_bytes(snapshot.size()) < whole + (8u << 20));
  CHECK(own_anonymous_bytes(snapshot.size()) < anonymous + (8u << 20));
  CHECK(own_rss_bytes(1ull << 50) == 0);
  CHECK(own_anonymous_bytes(1ull << 50) == 0);
}
