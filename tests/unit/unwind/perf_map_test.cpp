#include "unwind/perf_map.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace fdr;

namespace {

PerfMapNames names_of(std::string_view text, std::vector<std::uint64_t> addresses) {
  PerfMapNames names(std::move(addresses));
  names.feed(text);
  names.finish();
  return names;
}

}  // namespace

TEST_CASE("perf map: an address has the name of the entry around it, and none beside it") {
  const auto names = names_of("1000 20 first\n1020 10 JS:*second /srv/a b.js:1:2\n", {0xfff, 0x1000, 0x101f, 0x1020, 0x102f, 0x1030});
  CHECK(names.name(0xfff).empty());
  CHECK(names.name(0x1000) == "first");
  CHECK(names.name(0x101f) == "first");
  CHECK(names.name(0x1020) == "JS:*second /srv/a b.js:1:2");
  CHECK(names.name(0x102f) == "JS:*second /srv/a b.js:1:2");
  CHECK(names.name(0x1030).empty());
  CHECK(names.name(0x7777).empty());  // nobody asked for it
}

TEST_CASE("perf map: the last entry wins, also where it overlaps a part") {
  const auto names = names_of("1000 100 old\n1080 10 middle\n1000 40 new\n1084 1 last", {0x1000, 0x1050, 0x1080, 0x1084, 0x1090});
  CHECK(names.name(0x1000) == "new");
  CHECK(names.name(0x1050) == "old");
  CHECK(names.name(0x1080) == "middle");
  CHECK(names.name(0x1084) == "last");  // without its newline
  CHECK(names.name(0x1090) == "old");
}

TEST_CASE("perf map: it does not matter how the file is cut into parts") {
  const std::string text = "1000 20 first\n\n1020 10 second\nnonsense\n1030 5 third\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    for (std::size_t next = cut; next <= text.size(); ++next) {
      PerfMapNames names({0x1000, 0x1020, 0x1030});
      names.feed(std::string_view(text).substr(0, cut));
      names.feed(std::string_view(text).substr(cut, next - cut));
      names.feed(std::string_view(text).substr(next));
      names.finish();
      CHECK(names.name(0x1000) == "first");
      CHECK(names.name(0x1020) == "second");
      CHECK(names.name(0x1030) == "third");
    }
}

TEST_CASE("perf map: what is no entry is left out") {
  const auto names = names_of("1000 ffffffffffffffff wraps\n1000 fffffffffffffffff too-long\n-1000 20 negative\n1000 20\n1000 20 \n"
                              "1000 0 empty\n1000 20 ok\n\n\n 1000 20 blank\n1000\t20\ttabs\n",
                              {0x1000});
  CHECK(names.name(0x1000) == "ok");
  CHECK(names_of("0 ffffffffffffffff everything\n", {0, 0x1000, UINT64_MAX - 1}).name(UINT64_MAX - 1) == "everything");
}

TEST_CASE("perf map: names are bounded and valid UTF-8") {
  const auto long_name = names_of("1000 20 " + std::string(1'000'000, 'x') + "\n1100 20 next\n", {0x1000, 0x1100});
  CHECK(long_name.name(0x1000) == std::string(PerfMapNames::kMaxName, 'x'));
  CHECK(long_name.name(0x1100) == "next");
  CHECK(names_of(std::string("1000 20 a\xff\0b\n", 12), {0x1000}).name(0x1000) == std::string("a\\xff\0b", 7));
  CHECK(names_of("1000 20 " + std::string(600, '\xff') + "\n", {0x1000}).name(0x1000).size() <= PerfMapNames::kMaxName);
}

TEST_CASE("perf map: a file that claims everything over and over is left") {
  std::vector<std::uint64_t> addresses;
  for (std::uint64_t i = 0; i < 10'000; ++i) addresses.push_back(0x1000 + i);
  PerfMapNames names(addresses);
  for (int i = 0; i < 1'000; ++i) names.feed("0 ffffffff all\n");
  CHECK(names.exhausted());
  CHECK(names.name(0x1000) == "all");
  CHECK_FALSE(names_of("1000 1 f\n", {0x1000}).exhausted());
}

TEST_CASE("perf map: noise does no harm") {
  std::mt19937_64 random(7);
  std::vector<std::uint64_t> addresses;
  for (int i = 0; i < 100; ++i) addresses.push_back(random() >> (random() % 64));
  for (int round = 0; round < 200; ++round) {
    PerfMapNames names(addresses);
    for (int part = 0; part < 10; ++part) {
      std::string noise;
      for (int i = 0; i < 500; ++i) noise += "0123456789abcdef \n\n\r\xf0\0x"[random() % 23];
      names.feed(noise);
    }
    names.finish();
    for (const std::uint64_t address : addresses) CHECK(names.name(address).size() <= PerfMapNames::kMaxName);
  }
}

TEST_CASE("readable names of compiled code") {
  CHECK(readable_jit_name("JS:*waitingBytes /srv/app/logger.js:48:15") == "*waitingBytes logger.js:48");
  CHECK(readable_jit_name("LazyCompile:*waitingBytes /srv/app/logger.js:48:15") == "*waitingBytes logger.js:48");
  CHECK(readable_jit_name("LazyCompile:~get foo file:///srv/app/m.mjs:2:18") == "~get foo m.mjs:2");
  CHECK(readable_jit_name("JS:^ /srv/my app/t.js:5:13") == "^(anonymous) t.js:5");
  CHECK(readable_jit_name("JS:*listOnTimeout node:internal/timers:514:25") == "*listOnTimeout node:internal/timers:514");
  CHECK(readable_jit_name("JS:*next /srv/node_modules/express/lib/router/index.js:177:16") == "*next router/index.js:177");
  CHECK(readable_jit_name("Script:~ /srv/app/t.js:1:1") == "~(top level) t.js:1");
  CHECK(readable_jit_name("Function:+f t.js:3") == "+f t.js:3");
  CHECK(readable_jit_name("py::load:/srv/app/shop.py") == "py::load shop.py");
  for (const char* as_is : {"Builtin:ArrayMap", "Lcom/acme/Shop;::price", "JS:", "py::", "py::x", "", "RegExp:(a+)+b"})
    if (std::string(as_is) != "JS:") CHECK(readable_jit_name(as_is) == as_is);
  for (const char* odd : {"JS:", "JS:*", "JS: ", "JS:* /", "JS:*f /:1", "Script:~ ", "py:::/", "JS:*f /x:1:", "JS:*f ::::"})
    CHECK(readable_jit_name(odd).size() <= 64);
}
