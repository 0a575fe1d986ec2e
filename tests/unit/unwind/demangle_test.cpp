#include "unwind/demangle.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using fdr::demangle;

TEST_CASE("C++ names") {
  CHECK(demangle("_ZNSt6vectorIiSaIiEE9push_backERKi") ==
        "std::vector<int, std::allocator<int> >::push_back(int const&)");
  CHECK(demangle("_ZN3foo3barEv.isra.0") == "foo::bar() [clone .isra.0]");
  CHECK(demangle("main") == "main");
  CHECK(demangle("") == "");
  CHECK(demangle("_Z") == "_Z");
  CHECK(demangle("_ZN3fo") == "_ZN3fo");
  CHECK(demangle("_Znonsense!") == "_Znonsense!");
}

TEST_CASE("Rust, legacy mangling: the hash goes, escapes are read") {
  CHECK(demangle("_ZN4core3fmt5write17h0123456789abcdefE") == "core::fmt::write");
  CHECK(demangle(
            "_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE") ==
        "<Test + 'static as foo::Bar<Test>>::bar");
  CHECK(demangle("_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.123") ==
        "std::rt::lang_start::{{closure}}");
  CHECK(demangle("_ZN3foo17h0123456789abcdegE") == "foo::h0123456789abcdeg");  // no hash: C++
}

TEST_CASE("Rust, v0 mangling") {
  CHECK(demangle("_RNvCskwGfYPst2Cb_3foo16example_function") == "foo::example_function");
  CHECK(demangle("_RNvNtCs1234_7mycrate3foo3bar") == "mycrate::foo::bar");
  CHECK(demangle("_RNCNvCs4fqI2P2rA04_6simple4main0B3_") == "simple::main::{closure#0}");
  CHECK(demangle("_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate") ==
        "<std::path::PathBuf>::new");
  CHECK(demangle("_RNvXCs15kBYyAo9fc_7mycrateNtB2_7ExampleNtB2_5Trait3foo") ==
        "<mycrate::Example as mycrate::Trait>::foo");
  CHECK(demangle("_RINvCs7mycrate_7mycrate7examplelKj3_E") == "mycrate::example::<i32, 3>");
  CHECK(demangle("_RINvC1a1fRShNtC1b1TE") == "a::f::<&[u8], b::T>");
  CHECK(demangle("_RINvC1a1fFUKCjEuE") == "a::f::<unsafe extern \"C\" fn(usize)>");
  CHECK(demangle("_RINvC1a1fDNtC1b2TrEL_E") == "a::f::<dyn b::Tr>");
  CHECK(demangle("_RINvC1a1fDINtC1b2TrjEp4ItemhEL_E") == "a::f::<dyn b::Tr<usize, Item = u8>>");
  CHECK(demangle("_RINvC1a1fFG_RL0_hEuE") == "a::f::<for<'a> fn(&'a u8)>");
  CHECK(demangle("_RINvC1a1fTjEAhj4_E") == "a::f::<(usize,), [u8; 4]>");
  CHECK(demangle("_RINvC1a1fKb1_Kc41_Klnf_E") == "a::f::<true, 'A', -15>");
}

TEST_CASE("what breaks the rules comes back unchanged") {
  for (const char* name : {"_R", "_RNv", "_RNvC1", "_RNvC9abc", "_RB_", "_RNvB_1a", "_RINvC1a1fB", "_RNvC1a1b!",
                           "_R9NvC1a1b", "_RINvC1a1fFGzzzzzzzz_EuE"})
    CHECK(demangle(name) == name);
}

TEST_CASE("hostile names end soon") {
  // Each template-id has the one before as both of its arguments.
  std::string doubling = "_Z1f1PI1AS0_E";
  for (char level = '1'; level <= '9'; ++level) doubling += std::string("S_IS") + level + "_S" + level + "_E";
  CHECK(demangle(doubling).size() > 1000);
  for (char level = 'A'; level <= 'Z'; ++level) doubling += std::string("S_IS") + level + "_S" + level + "_E";
  CHECK(demangle(doubling) == doubling);

  std::string nested = "_RINvC1a1f";
  for (int i = 0; i < 1000; ++i) nested += 'S';
  CHECK(demangle(nested + "hE") == nested + "hE");

  // Each tuple refers twice to the one before: the text would double each time.
  std::string bomb = "_RINvC1a1fTTjjE";
  const auto base62 = [](std::uint64_t value) {
    if (value == 0) return std::string("_");
    std::string text;
    for (--value;; value /= 62) {
      text.insert(text.begin(), "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"[value % 62]);
      if (value < 62) return text + "_";
    }
  };
  std::size_t last = 9;
  for (int i = 0; i < 60; ++i) {
    const std::size_t here = bomb.size() - 2;
    bomb += "TB" + base62(last) + "B" + base62(last) + "E";
    last = here;
  }
  bomb += "EE";
  CHECK(demangle(bomb) == bomb);

  std::uint64_t seed = 7;
  const std::string name = "_RNvMsr_NtCs3ssYzQotkvD_3std4pathNtB5_7PathBuf3newCs15kBYyAo9fc_7mycrate";
  for (int i = 0; i < 20'000; ++i) {
    std::string damaged = name;
    for (int j = 0; j < 3; ++j) {
      seed = seed * 6364136223846793005u + 1442695040888963407u;
      damaged[2 + (seed >> 33) % (damaged.size() - 2)] = "BNCIXYMTSRPE_0129svu"[(seed >> 20) % 20];
    }
    CHECK(demangle(damaged).size() < 20'000);
  }
}
