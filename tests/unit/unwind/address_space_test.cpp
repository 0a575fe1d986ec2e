#include "unwind/address_space.hpp"

#include <doctest/doctest.h>

using namespace fdr;

namespace {

Mapping map(std::uint64_t start, std::uint64_t end, const std::string& path, std::uint64_t since = 0,
            const std::string& id = "") {
  return {start, end, 0, {ModuleKind::kFile, path, id}, from_ns(since), false};
}

std::string path_at(const AddressSpace& space, std::uint64_t address, std::uint64_t time) {
  const Mapping* mapping = space.find(address, from_ns(time));
  return mapping ? mapping->module.path : "none";
}

}  // namespace

TEST_CASE("maps: executable lines only, with their kinds") {
  const auto mappings = parse_maps(
      "00400000-00401000 r--p 00000000 08:01 12 /usr/bin/x\n"
      "00401000-00500000 r-xp 00001000 08:01 12 /usr/bin/x\n"
      "00600000-00601000 r-xp 00002000 08:01 13                         /opt/a b\\012c.so (deleted)\n"
      "7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
      "7f0000002000-7f0000003000 r-xs 00000000 00:01 5 /dev/zero (deleted)\n"
      "7ffe00000000-7ffe00002000 r-xp 00000000 00:00 0                  [vdso]\n"
      "zzz-1 r-xp 0 0 0 /bad\n"
      "5-4 r-xp 0 0 0 /backwards\n"
      "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]");
  REQUIRE(mappings.size() == 6);
  CHECK(mappings[0].module == Module{ModuleKind::kFile, "/usr/bin/x", ""});
  CHECK(mappings[0].offset_of(0x401010) == 0x1010);
  CHECK_FALSE(mappings[0].deleted);
  CHECK(mappings[1].module.path == "/opt/a b\nc.so");
  CHECK(mappings[1].deleted);
  CHECK(mappings[0].device == (std::uint64_t{8} << 32 | 1));
  CHECK(mappings[2].device == 0);
  CHECK(mappings[2].module.kind == ModuleKind::kAnonymous);
  CHECK(mappings[2].offset_of(0x7f0000000010) == 0x7f0000000010);
  CHECK(mappings[3].module.kind == ModuleKind::kAnonymous);
  CHECK(mappings[4].module.kind == ModuleKind::kVdso);
  CHECK(mappings[5].module.path == "[vsyscall]");
}

TEST_CASE("an address means what it meant at the time") {
  AddressSpace space;
  space.add(map(0x1000, 0x5000, "/old"));
  space.add(map(0x8000, 0x9000, "/else"));
  space.add(map(0x2000, 0x3000, "/new", 100));
  CHECK(path_at(space, 0x0fff, 200) == "none");
  CHECK(path_at(space, 0x1000, 200) == "/old");
  CHECK(path_at(space, 0x2000, 99) == "/old");
  CHECK(path_at(space, 0x2000, 100) == "/new");
  CHECK(path_at(space, 0x2fff, 200) == "/new");
  CHECK(path_at(space, 0x3000, 200) == "/old");
  CHECK(path_at(space, 0x5000, 200) == "none");
  CHECK(path_at(space, 0x8000, 0) == "/else");
}

TEST_CASE("the epoch changes where an address changes its meaning") {
  AddressSpace space;
  space.add(map(0x1000, 0x5000, "/old"));
  const auto first = space.epoch(from_ns(100));
  space.add(map(0x6000, 0x7000, "/other", 50));
  CHECK(space.epoch(from_ns(100)) == first);  // nothing hidden
  space.add(map(0x2000, 0x3000, "/new", 100));
  CHECK(space.epoch(from_ns(99)) != space.epoch(from_ns(100)));
  CHECK(space.epoch(from_ns(100)) == space.epoch(from_ns(1000)));
}

TEST_CASE("the same mapping from both sources is one, with its build-id") {
  AddressSpace space;
  space.add(map(0x1000, 0x2000, "/x"));
  space.add(map(0x1000, 0x2000, "/x", 5, "abcd"));
  REQUIRE(space.mappings().size() == 1);
  CHECK(space.mappings()[0].module.build_id == "abcd");
  space.add(map(0x1000, 0x2000, "/x", 7));
  CHECK(space.mappings().size() == 1);
  space.add(map(0x1000, 0x2000, "/x", 9, "ef01"));  // another file in the same place
  CHECK(space.mappings().size() == 2);
}

TEST_CASE("mappings are bounded, and what is refused is counted") {
  AddressSpace space;
  for (std::uint64_t i = 0; i < AddressSpace::kMaxMappings + 10; ++i)
    space.add(map(i * 0x1000 + 0x1000, i * 0x1000 + 0x2000, "/x"));
  CHECK(space.mappings().size() == AddressSpace::kMaxMappings);
  CHECK(space.refused() == 10);
  space.add(map(5, 5, "/empty"));
  CHECK(space.refused() == 10);
}
