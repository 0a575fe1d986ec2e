#include "unwind/live/kernel_symbols.hpp"

#include <doctest/doctest.h>

using fdr::KernelSymbols;

TEST_CASE("kernel names: text only, sorted, with their module") {
  const auto symbols = KernelSymbols::parse(
      "ffffffff81002000 T tcp_sendmsg\n"
      "ffffffff81001000 t first\n"
      "ffffffff81001000 T alias_of_first\n"
      "ffffffff81001800 D some_data\n"
      "garbage\n"
      "ffffffffc0001000 t ext4_readdir\t[ext4]\n"
      "ffffffff81003000 W weak");
  CHECK(symbols.size() == 5);
  CHECK_FALSE(symbols.hidden());
  CHECK(symbols.name(0xffffffff81000fff).empty());
  CHECK(symbols.name(0xffffffff81001000) == "first");
  CHECK(symbols.name(0xffffffff81001900) == "first");
  CHECK(symbols.name(0xffffffff81002010) == "tcp_sendmsg");
  CHECK(symbols.name(0xffffffff81003001) == "weak");
  CHECK(symbols.name(0xffffffff91003000).empty());  // far behind the last one
  CHECK(symbols.name(0xffffffffc0001004) == "ext4_readdir [ext4]");
}

TEST_CASE("hidden addresses are told from absent ones") {
  const auto hidden = KernelSymbols::parse("0000000000000000 T a\n0000000000000000 T b\n");
  CHECK(hidden.hidden());
  CHECK(hidden.size() == 0);
  CHECK(hidden.name(0).empty());
  CHECK_FALSE(KernelSymbols::parse("").hidden());
  CHECK(KernelSymbols::load("/nonexistent").size() == 0);
}
