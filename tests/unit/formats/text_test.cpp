#include "formats/text.hpp"

#include <doctest/doctest.h>

#include <array>
#include <limits>

using namespace fdr;

TEST_CASE("text: printable escapes what a terminal would act on") {
  CHECK(printable("plain text, /usr/bin/x") == "plain text, /usr/bin/x");
  CHECK(printable("\x1b[31mred") == "\\x1b[31mred");
  CHECK(printable("a\nb\tc\r\x7f") == "a\\x0ab\\x09c\\x0d\\x7f");
  CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
  CHECK(printable("\xc2\x9b"
                  "31m") == "\\xc2\\x9b31m");  // CSI as a C1 control
  CHECK(printable("\xe2\x80\xae"
                  "gnp") == "\\xe2\\x80\\xaegnp");        // right-to-left override
  CHECK(printable("\xe2\x81\xa6") == "\\xe2\\x81\\xa6");  // isolate
  CHECK(printable("\xe2\x80\xa8") == "\\xe2\\x80\\xa8");  // line separator
}

TEST_CASE("text: printable keeps UTF-8 and escapes what is not") {
  CHECK(printable("grün 東京 😀") == "grün 東京 😀");
  CHECK(printable("\xff\xfe") == "\\xff\\xfe");
  CHECK(printable("\xc0\xaf") == "\\xc0\\xaf");                    // overlong '/'
  CHECK(printable("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");           // overlong, three bytes
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // surrogate
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  CHECK(printable("cut \xe6\x9d") == "cut \\xe6\\x9d");
}

TEST_CASE("text: printable_lines keeps newline and tab only") {
  CHECK(printable_lines("a\n\tb\x1b[2J") == "a\n\tb\\x1b[2J");
}

TEST_CASE("text: valid_utf8 changes nothing but damage") {
  CHECK(valid_utf8("a\x1b\nü") == "a\x1b\nü");
  CHECK(valid_utf8("a\xff") == "a\\xff");
}

TEST_CASE("text: display width counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("ü") == 1);
  CHECK(display_width("東京") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
}

TEST_CASE("text: bytes for people") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(95) == "95 B");
  CHECK(bytes_text(840 * 1024.0) == "840 KB");
  CHECK(bytes_text(312 * 1048576.0) == "312 MB");
  CHECK(bytes_text(1.5 * 1073741824.0) == "1.5 GB");
  CHECK(bytes_text(2.0 * 1073741824.0) == "2 GB");
  CHECK(bytes_text(1023.9 * 1024) == "1 MB");
  CHECK(bytes_text(-2048) == "-2 KB");
  CHECK(bytes_text(std::numeric_limits<double>::quiet_NaN()) == "unknown");
}

TEST_CASE("text: edit distance and the names nearest to a word") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("same", "same") == 0);
  const std::array<std::string, 3> names = {"host.mem.free", "host.mem.total", "process.rss"};
  CHECK(nearest_names("host.mem.fre", names, 1) == "host.mem.free");
  CHECK(nearest_names("zebra", names).empty());
}
