#include "unwind/own_vdso.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "unwind/address_space.hpp"

using namespace fdr;

TEST_CASE("the vDSO is as large as it is mapped, and the same") {
  std::ostringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  const auto image = own_vdso();
  bool mapped = false;
  for (const Mapping& mapping : parse_maps(maps.str())) {
    if (mapping.module.kind != ModuleKind::kVdso) continue;
    mapped = true;
    REQUIRE(image);
    REQUIRE(image->bytes().size() == mapping.end - mapping.start);
    CHECK(
        std::equal(image->bytes().begin(), image->bytes().end(), reinterpret_cast<const std::uint8_t*>(mapping.start)));
    CHECK_FALSE(image->build_id().empty());
    CHECK(image->eh_frame_header());
  }
  CHECK(mapped == (image != nullptr));
}
