#include "unwind/plt_symbols.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

using namespace fdr;

TEST_CASE("plt symbols: the stubs of a real program have the names of what they lead to") {
  std::string problem;
  const auto image = ElfImage::open("/proc/self/exe", &problem);
  REQUIRE_MESSAGE(image, problem);
  const std::vector<ElfSymbol> stubs = plt_symbols(*image);
  REQUIRE(stubs.size() > 10);
  const auto named = [&](const char* name) {
    return std::find_if(stubs.begin(), stubs.end(), [&](const ElfSymbol& s) { return s.name == name; }) != stubs.end();
  };
  CHECK(::getppid() > 0);  // so that this program calls it
  CHECK(named("getppid@plt"));
  CHECK(named("memcpy@plt"));
  for (const ElfSymbol& stub : stubs) {
    CHECK(stub.size <= 16);
    const bool executable = std::any_of(image->segments().begin(), image->segments().end(), [&](const ElfImage::Segment& s) {
      return s.executable && stub.address >= s.vaddr && stub.address - s.vaddr < s.memory_size;
    });
    CHECK(executable);
  }
}

TEST_CASE("plt symbols: a damaged file gives fewer names and no harm") {
  std::string problem;
  const auto whole = ElfImage::open("/proc/self/exe", &problem);
  REQUIRE(whole);
  const std::size_t names = plt_symbols(*whole).size();
  // Section headers of a linked file stand at its end: every cut loses some.
  for (const std::size_t part : {2u, 3u, 10u}) {
    std::vector<std::uint8_t> bytes(whole->bytes().begin(), whole->bytes().begin() + static_cast<std::ptrdiff_t>(whole->bytes().size() / part));
    if (const auto image = ElfImage::from_memory(std::move(bytes), &problem)) CHECK(plt_symbols(*image).size() <= names);
  }
}
