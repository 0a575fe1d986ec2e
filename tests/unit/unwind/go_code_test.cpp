#include "unwind/go_code.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>

#include "tests/unit/unwind/made_up_go.hpp"

using namespace fdr;
using test::MadeUpGo;

namespace {

constexpr std::uint64_t kText = MadeUpGo::kTextVaddr, kData = MadeUpGo::kDataVaddr;

// `head`, then the distance of `target` from what follows the instruction at `vaddr`, then `tail`.
std::vector<std::uint8_t> instruction(std::uint64_t vaddr, std::vector<std::uint8_t> head, std::uint64_t target,
                                      std::vector<std::uint8_t> tail = {}) {
  const auto distance = static_cast<std::uint32_t>(target - (vaddr + head.size() + 4 + tail.size()));
  for (int i = 0; i < 4; ++i) head.push_back(static_cast<std::uint8_t>(distance >> (8 * i)));
  head.insert(head.end(), tail.begin(), tail.end());
  return head;
}

bool holds(const std::vector<std::uint64_t>& all, std::uint64_t one) { return std::find(all.begin(), all.end(), one) != all.end(); }

}  // namespace

TEST_CASE("the variables that a function refers to are found, with and without an operand behind the distance") {
  MadeUpGo go(20);
  std::vector<std::uint8_t> code = instruction(kText, {0x48, 0x8b, 0x1d}, kData + 0x40);               // mov x(%rip), %rbx
  const auto compare = instruction(kText + code.size(), {0x48, 0x83, 0x3d}, kData + 0x50, {0});        // cmpq $0, x(%rip)
  code.insert(code.end(), compare.begin(), compare.end());
  const auto store = instruction(kText + code.size(), {0x48, 0xc7, 0x05}, kData + 0x60, {1, 0, 0, 0});  // movq $1, x(%rip)
  code.insert(code.end(), store.begin(), store.end());
  const auto far = instruction(kText + code.size(), {0x48, 0x8b, 0x0d}, 0x7000'0000);                  // nothing is there
  code.insert(code.end(), far.begin(), far.end());
  const auto own = instruction(kText + code.size(), {0x48, 0x8d, 0x0d}, kText + 8);                    // code, no data
  code.insert(code.end(), own.begin(), own.end());
  go.add({"runtime.allgadd", 0x40, code, {{0x40, 0}}});
  go.add({"runtime.other", 0x40, instruction(kText + 0x40, {0x48, 0x8b, 0x1d}, kData + 0x70), {{0x40, 0}}});
  const auto image = go.image();
  std::string problem;
  const auto table = GoPclntab::of(*image, &problem);
  REQUIRE_MESSAGE(table, problem);
  constexpr std::array<std::string_view, 2> kWanted = {"runtime.allgadd", "runtime.absent"};
  const auto found = go_data_references(*image, *table, kWanted);
  REQUIRE(found.size() == 1);
  const auto& places = found.at("runtime.allgadd");
  CHECK(holds(places, kData + 0x40));
  CHECK(holds(places, kData + 0x50));
  CHECK(holds(places, kData + 0x60));
  CHECK(!holds(places, kData + 0x70));
  CHECK(!holds(places, 0x7000'0000));
  CHECK(!holds(places, kText + 8));
}
