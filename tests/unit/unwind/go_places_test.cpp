#include "unwind/go_places.hpp"

#include <doctest/doctest.h>

#include "tests/unit/unwind/made_up_go.hpp"

using namespace fdr;
using test::GoCode;
using test::MadeUpGo;

namespace {

GoCode code(std::string name, std::string file, std::vector<std::pair<std::uint32_t, std::int64_t>> lines) {
  GoCode made;
  made.name = std::move(name);
  made.size = 0x40;
  made.steps = {{0x40, 0}};
  made.file = std::move(file);
  made.lines = std::move(lines);
  return made;
}

// "main.f /src/f.go:12 < main.g /src/f.go:30"
std::string places(const MadeUpGo& go, std::uint64_t vaddr) {
  const auto image = go.image();
  std::string problem;
  const auto table = GoPclntab::of(*image, &problem);
  REQUIRE_MESSAGE(table, problem);
  std::string text;
  for (const GoPlace& place : GoPlaces(*image, *table).at(vaddr))
    text += (text.empty() ? "" : " < ") + std::string(place.function) + " " + std::string(place.file) + ":" +
            std::to_string(place.line);
  return text;
}

// main.outer calls main.middle at line 30, inlined, which calls main.inner at line 20, inlined.
GoCode with_inlined() {
  GoCode outer = code("main.outer", "/src/outer.go", {{8, 30}, {8, 20}, {0x10, 12}, {0x20, 31}});
  outer.inlined = {{8, -1}, {8, 0}, {0x10, 1}, {0x20, -1}};
  outer.calls = {{"main.middle", 2}, {"main.inner", 9}};
  return outer;
}

}  // namespace

TEST_CASE("an address has a function, a file and a line, in each format of the table") {
  for (const int version : {16, 18, 20}) {
    CAPTURE(version);
    MadeUpGo go(version);
    go.add(code("main.first", "/src/first.go", {{0x10, 3}, {0x30, 7}}));
    go.add(code("main.second", "/src/second.go", {{0x40, 90'000}}));
    CHECK(places(go, 0x0fff) == "");
    CHECK(places(go, 0x1000) == "main.first /src/first.go:3");
    CHECK(places(go, 0x100f) == "main.first /src/first.go:3");
    CHECK(places(go, 0x1010) == "main.first /src/first.go:7");
    CHECK(places(go, 0x103f) == "main.first /src/first.go:7");
    CHECK(places(go, 0x1040) == "main.second /src/second.go:90000");
    CHECK(places(go, 0x1080) == "");
  }
}

TEST_CASE("inlined functions stand before the one that has their code") {
  for (const int version : {18, 20}) {
    CAPTURE(version);
    MadeUpGo go(version);
    go.add(code("main.first", "/src/first.go", {{0x40, 3}}));
    go.add(with_inlined());
    CHECK(places(go, 0x1041) == "main.outer /src/outer.go:30");
    CHECK(places(go, 0x1049) == "main.middle /src/outer.go:20 < main.outer /src/outer.go:30");
    CHECK(places(go, 0x1052) ==
          "main.inner /src/outer.go:12 < main.middle /src/outer.go:20 < main.outer /src/outer.go:30");
    CHECK(places(go, 0x1070) == "main.outer /src/outer.go:31");
  }
}

TEST_CASE("where the format is older the function that has the code stands alone") {
  MadeUpGo go(16);
  go.add(with_inlined());
  CHECK(places(go, 0x1012) == "main.outer /src/outer.go:12");
}

TEST_CASE("a function without lines has its name; a damaged one has no place") {
  MadeUpGo go(20);
  go.add(code("main.bare", "", {}));
  go.add(code("main.broken", "/src/a.go", {{0x40, 1}}));
  go.add(code("main.whole", "/src/b.go", {{0x40, 2}}));
  go.broken_function = 1;
  CHECK(places(go, 0x1000) == "main.bare :0");
  CHECK(places(go, 0x1040) == "");
  CHECK(places(go, 0x1080) == "main.whole /src/b.go:2");
}

TEST_CASE("an inline tree that leads in a circle, out of the function or to nothing ends") {
  MadeUpGo go(20);
  GoCode circle = code("main.circle", "/src/a.go", {{0x40, 1}});
  circle.inlined = {{0x40, 0}};
  circle.calls = {{"main.again", 0x10}};
  GoCode outside = code("main.outside", "/src/a.go", {{0x40, 2}});
  outside.inlined = {{0x40, 0}};
  outside.calls = {{"main.called", 0x40}};
  GoCode beyond = code("main.beyond", "/src/a.go", {{0x40, 3}});
  beyond.inlined = {{0x40, 0x7fff'ffff}};
  beyond.calls = {{"main.called", 0}};
  go.add(circle), go.add(outside), go.add(beyond);
  const std::string text = places(go, 0x1020);
  CHECK(text.ends_with("< main.circle /src/a.go:1"));
  CHECK(text.size() < 10'000);
  CHECK(places(go, 0x1060) == "main.outside /src/a.go:2");
  CHECK(places(go, 0x10a0) == "main.beyond /src/a.go:3");
}

TEST_CASE("whatever byte of a table is damaged, looking up places stays within it") {
  MadeUpGo go(20);
  go.add(code("main.first", "/src/first.go", {{0x40, 3}}));
  go.add(with_inlined());
  const std::vector<std::uint8_t> whole = go.bytes();
  std::size_t read = 0;
  for (std::size_t at = MadeUpGo::kTextVaddr + 0x80; at < whole.size(); ++at) {
    for (const std::uint8_t value : {std::uint8_t{0}, std::uint8_t{0x7f}, std::uint8_t{0xff}}) {
      std::vector<std::uint8_t> bytes = whole;
      bytes[at] = value;
      std::string problem;
      const auto image = ElfImage::from_memory(bytes, &problem);
      const auto table = image ? GoPclntab::of(*image, &problem) : std::nullopt;
      if (!table) continue;
      const GoPlaces named(*image, *table);
      for (std::uint64_t vaddr = 0x1000; vaddr < 0x1080; vaddr += 9) read += named.at(vaddr).size();
    }
  }
  CHECK(read > 0);
}
