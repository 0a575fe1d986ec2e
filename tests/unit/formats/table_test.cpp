#include "formats/table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "formats/text.hpp"

using namespace fdr;

namespace {

Table sockets() {
  Table table({"local", "peer", "state", "unsent", "drops", "buffer", "pid"}, {1, 2}, 1, {4, 5});
  table.row({"127.77.100.200:8080", "[2001:db8:1234:5678::1]:65535", "established", "443", "0", "131 072", "24466"});
  return table;
}

std::string line(const std::string& text, std::size_t number) {
  std::size_t at = 0;
  while (number-- > 0) at = text.find('\n', at) + 1;
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace

TEST_CASE("table: the first column gives way, both ends of a cell stay") {
  Table table({"NAME", "count"});
  table.row({"/a/very/long/path/that/does/not/fit/in/the/terminal/at/all/file.txt", "12"});
  const std::string text = table.text({40, false});
  CHECK(text == "NAME                               count\n  /a/very/long/path/th../file.txt     12\n");
  CHECK(cut("grün", 4) == "grün");
  CHECK(padded("ü", 3, true) == "  ü");
  CHECK(count_text(1'234'567) == "1 234 567");
  CHECK(count_text(999) == "999");
}

TEST_CASE("table: where there is room nothing is cut, and nothing is said") {
  for (const int columns : {0, 120, 97}) {
    CAPTURE(columns);
    const std::string text = sockets().text({columns, false}, SIZE_MAX, 0);
    CHECK(text.find("127.77.100.200:8080  [2001:db8:1234:5678::1]:65535  established     443      0  131 072  24466\n") != std::string::npos);
    CHECK(text.find("no room") == std::string::npos);
  }
}

TEST_CASE("table: names give way first, then spare columns, the last first, and that is said") {
  const std::string names = sockets().text({75, false}, SIZE_MAX, 0);
  CHECK(display_width(line(names, 1)) == 75);
  CHECK(names.find("131 072") != std::string::npos);
  CHECK(names.find("no room") == std::string::npos);

  const std::string without_one = sockets().text({68, false}, SIZE_MAX, 0);
  CHECK(display_width(line(without_one, 1)) <= 68);
  CHECK(line(without_one, 0).find("buffer") == std::string::npos);
  CHECK(line(without_one, 0).find("drops") != std::string::npos);
  CHECK(without_one.find("(no room for: buffer;") != std::string::npos);

  const std::string without_both = sockets().text({62, false}, SIZE_MAX, 0);
  CHECK(display_width(line(without_both, 1)) <= 62);
  CHECK(without_both.find("(no room for: drops, buffer;") != std::string::npos);
  CHECK(line(without_both, 1).ends_with("24466"));
}

TEST_CASE("table: of two wide names neither is cut to nothing for the other's sake") {
  Table table({"what", "allocated in", "called from"}, {1, 2});
  table.row({"x", std::string(60, 'a'), std::string(50, 'b')});
  const std::string row = line(table.text({63, false}, SIZE_MAX, 0), 1);
  CHECK(display_width(row) == 63);
  const auto of = [&](char letter) { return std::count(row.begin(), row.end(), letter); };
  CHECK(std::abs(of('a') - of('b')) <= 1);
}

TEST_CASE("table: a terminal of no width worth the name is no endless loop, and no crash") {
  for (const int columns : {1, 2, 5, 11}) {
    const std::string text = sockets().text({columns, false});
    CAPTURE(text);
    CHECK(line(text, 1).find("24466") != std::string::npos);
  }
}
