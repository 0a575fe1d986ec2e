// Damaged and hostile images: rows come out in bounded time and memory, or a reason does, and what comes out keeps the
// promises of row.h.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/unit/unwind/made_up_eh_frame.hpp"
#include "tests/unit/unwind/made_up_go.hpp"
#include "tests/unit/unwind/stack_fixture.hpp"
#include "unwind/eh_frame_rows.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/image_rows.hpp"
#include "unwind/module_rows.hpp"

using namespace fdr;

namespace {

struct Random {
  std::uint64_t seed = 1;
  std::uint64_t operator()() { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 33; }
};

void check_promises(const ModuleRows& built) {
  for (std::size_t i = 0; i < built.rows.size(); ++i) {
    const fdr_row& row = built.rows[i];
    REQUIRE(row.rule < FDR_RULES);
    if (row.rule == FDR_ROW_COMPLEX) REQUIRE((row.cfa > FDR_COMPLEX_NONE && row.cfa < FDR_COMPLEXES));
    if (i == 0) continue;
    REQUIRE(built.rows[i - 1].pc < row.pc);
    REQUIRE_FALSE(same_rule(built.rows[i - 1], row));
  }
  if (!built.rows.empty()) CHECK(built.rows.back().rule == FDR_ROW_GAP);
}

// Damages bytes of [from, to) at random, or cuts the file, `rounds` times. Returns how many images could still be
// opened.
std::size_t damage(const std::vector<std::uint8_t>& whole, std::size_t from, std::size_t to, int rounds, int changes,
                   Random& random, std::size_t* with_reason) {
  std::size_t opened = 0;
  for (int round = 0; round < rounds; ++round) {
    auto bytes = whole;
    if (round % 10 == 9)
      bytes.resize(random() % bytes.size());
    else
      for (int i = 0; i < changes; ++i) {
        std::uint8_t& byte = bytes[from + random() % (to - from)];
        byte =
            round % 2 ? static_cast<std::uint8_t>(byte ^ (1u << (random() % 8))) : static_cast<std::uint8_t>(random());
      }
    std::string problem;
    const auto image = ElfImage::from_memory(std::move(bytes), &problem);
    if (!image) continue;
    ++opened;
    const ModuleRows built = rows_of(*image);
    check_promises(built);
    CHECK(built.rows.size() < whole.size());
    *with_reason += !built.reason.empty();
  }
  return opened;
}

ImageRows rows_of_eh_frame(const std::vector<std::uint8_t>& eh_frame) { return eh_frame_rows(*test::image_of_eh_frame(eh_frame)); }

// A CIE as GCC writes it ("zR", pcrel sdata4; CFA rsp+8, return address at CFA-8), with more instructions.
std::vector<std::uint8_t> cie(std::vector<std::uint8_t> more = {}) {
  std::vector<std::uint8_t> body = {0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1};
  body.insert(body.end(), more.begin(), more.end());
  return test::eh_record(body);
}

// An FDE of the CIE at the beginning, for [start, start + size).
void add_fde(std::vector<std::uint8_t>& to, std::uint32_t start, std::uint32_t size,
             std::vector<std::uint8_t> instructions) {
  const auto length = static_cast<std::uint32_t>(13 + instructions.size());
  const auto at = static_cast<std::uint32_t>(to.size());
  const std::uint32_t words[4] = {length, at + 4, start - (0x3000 + at + 8), size};
  to.insert(to.end(), reinterpret_cast<const std::uint8_t*>(words), reinterpret_cast<const std::uint8_t*>(words + 4));
  to.push_back(0);  // augmentation data
  to.insert(to.end(), instructions.begin(), instructions.end());
}

std::vector<fdr_row> rows_of_instructions(std::vector<std::uint8_t> instructions) {
  auto eh_frame = cie();
  add_fde(eh_frame, 0x1000, 0x100, std::move(instructions));
  return rows_of_eh_frame(eh_frame).rows;
}

bool is(const fdr_row& row, std::uint32_t pc, fdr_rule rule, int cfa, int rbp = FDR_RBP_SAME) {
  return row.pc == pc && row.rule == rule && row.cfa == cfa && row.rbp == rbp;
}

}  // namespace

TEST_CASE("damaged .eh_frame: no crash, and rows that are rows") {
  Random random;
  std::size_t with_reason = 0;
  for (const char* name : {"stacks/program.gz", "stacks/vdso.gz", "stacks/ld.so.gz"}) {
    const auto whole = test::read_data(name);
    std::string problem;
    const auto image = ElfImage::from_memory(whole, &problem);
    REQUIRE(image);
    const auto header = image->eh_frame_header();
    REQUIRE(header);
    // .eh_frame lies behind its search table.
    const std::size_t from = header->offset, to = std::min<std::size_t>(whole.size(), from + 16 * 1024);
    CHECK(damage(whole, from, to, 150, 20, random, &with_reason) > 100);
    CHECK(damage(whole, 64, whole.size(), 50, 200, random, &with_reason) > 20);
  }
  CHECK(with_reason > 100);
}

TEST_CASE("damaged pclntab: no crash, and rows that are rows") {
  Random random;
  std::size_t with_reason = 0;
  for (const int version : {16, 18, 20}) {
    test::MadeUpGo go(version);
    for (int i = 0; i < 40; ++i)
      go.add({"main.f" + std::to_string(i), 0x40, {0x55}, {{1, 0}, {7, 8}, {0x28, 24}, {1, 8}, {0xf, 0}}});
    const auto whole = go.bytes();
    CHECK(damage(whole, 0x1000 + 40 * 0x40, whole.size(), 300, 10, random, &with_reason) > 200);
  }
  CHECK(with_reason > 100);
}

TEST_CASE("call frame instructions, one by one") {
  auto rows = rows_of_instructions({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x44, 0x0c, 7, 8, 0xc6, 0x41, 0x0b});
  REQUIRE(rows.size() == 6);
  CHECK(is(rows[0], 0x1000, FDR_ROW_RSP, 1));
  CHECK(is(rows[1], 0x1001, FDR_ROW_RSP, 2, -2));  // def_cfa_offset 16, offset rbp -16
  CHECK(is(rows[2], 0x1004, FDR_ROW_RBP, 2, -2));  // def_cfa_register rbp
  CHECK(is(rows[3], 0x1008, FDR_ROW_RSP, 1));      // def_cfa rsp 8, restore rbp
  CHECK(is(rows[4], 0x1009, FDR_ROW_RBP, 2, -2));  // restore_state
  CHECK(is(rows[5], 0x1100, FDR_ROW_GAP, 0));

  const auto last_rule = [](std::vector<std::uint8_t> instructions) {
    const auto made = rows_of_instructions(std::move(instructions));
    REQUIRE(made.size() >= 2);
    return made[made.size() - 2];
  };
  CHECK(is(last_rule({0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0}), 0x1000, FDR_ROW_AT_RBP, -1, FDR_RBP_AT_RBP));
  CHECK(is(last_rule({0x0f, 3, 0x77, 16, 0x06}), 0x1000, FDR_ROW_AT_RSP, 2));
  CHECK(is(last_rule({0x0f, 5, 0x77, 16, 0x06, 0x23, 8}), 0x1000, FDR_ROW_BEHIND_RSP, 2));
  CHECK(is(last_rule({0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}), 0x1000, FDR_ROW_PLT, 11));
  CHECK(is(last_rule({0x07, 16}), 0x1000, FDR_ROW_END, 0));
  CHECK(is(last_rule({0x07, 6}), 0x1000, FDR_ROW_RSP, 1, FDR_RBP_LOST));
  CHECK(is(last_rule({0x12, 7, 0x7e}), 0x1000, FDR_ROW_RSP, 2));   // def_cfa_sf: -2 * -8
  CHECK(is(last_rule({0x11, 6, 3}), 0x1000, FDR_ROW_RSP, 1, -3));  // offset_extended_sf
  CHECK(is(last_rule({0x14, 7, 0}), 0x1000, FDR_ROW_RSP, 1));      // val_offset rsp 0: as it is
  CHECK(is(last_rule({0x2e, 8}), 0x1000, FDR_ROW_RSP, 1));         // GNU_args_size
  CHECK(is(last_rule({0x0d, 3}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_REGISTER));
  CHECK(is(last_rule({0x0e, 12}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_OFFSET));
  CHECK(is(last_rule({0x0e, 0x80, 0x80, 0x80, 1}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_OFFSET));
  CHECK(is(last_rule({0x0f, 2, 0x77, 8}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_EXPRESSION));
  CHECK(is(last_rule({0x90, 2}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_RETURN));
  CHECK(is(last_rule({0x09, 16, 5}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_RETURN));  // vfork keeps it in rdi
  CHECK(is(last_rule({0x87, 3}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_RSP));
  CHECK(is(last_rule({0x09, 6, 3}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_RBP));
  CHECK(is(last_rule({0x42, 0x3f}), 0x1002, FDR_ROW_COMPLEX, FDR_COMPLEX_DAMAGED));  // no such instruction
  CHECK(is(last_rule({0x0b}), 0x1000, FDR_ROW_COMPLEX, FDR_COMPLEX_DAMAGED));        // nothing was remembered
}

TEST_CASE("addresses stay inside the function, the function inside the code") {
  auto rows = rows_of_instructions({0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 16});
  REQUIRE(rows.size() == 2);
  CHECK(is(rows[1], 0x1100, FDR_ROW_GAP, 0));

  auto eh_frame = cie();
  add_fde(eh_frame, 0x1f00, 0x10000, {});
  add_fde(eh_frame, 0x9000, 0x100, {});
  const ImageRows built = rows_of_eh_frame(eh_frame);
  REQUIRE(built.rows.size() == 2);
  CHECK(is(built.rows[1], 0x2000, FDR_ROW_GAP, 0));
  CHECK(built.refused == 1);
  CHECK(built.reason == ".eh_frame: a function outside the code");
}

TEST_CASE("what is remembered, overlaps or refers to nothing is bounded") {
  CHECK(rows_of_instructions(std::vector<std::uint8_t>(100'000, 0x0a)).size() == 2);
  // A million functions that all claim the same code.
  auto eh_frame = cie();
  for (int i = 0; i < 100'000; ++i)
    add_fde(eh_frame, 0x1000 + static_cast<std::uint32_t>(i % 7), 0x100, {0x41, 0x0e, 16});
  CHECK(rows_of_eh_frame(eh_frame).rows.size() < 20);
  auto cut = cie();
  cut.insert(cut.end(), {0xf0, 0xff, 0, 0, 1});
  CHECK(rows_of_eh_frame(cut).reason == ".eh_frame: a record reaches beyond its end");
  // A CIE whose own instructions move the address is not used.
  auto moving = cie({0x41});
  add_fde(moving, 0x1000, 0x100, {});
  CHECK(rows_of_eh_frame(moving).rows.empty());
}

TEST_CASE("functions: padding belongs to the one before, other code is a gap") {
  auto eh_frame = cie();
  add_fde(eh_frame, 0x1020, 0x10, {});  // out of order
  add_fde(eh_frame, 0x1000, 0x18, {});  // 0x90 up to the next
  add_fde(eh_frame, 0x1100, 0x10, {});
  const auto rows = rows_of_eh_frame(eh_frame).rows;
  REQUIRE(rows.size() == 4);
  CHECK(is(rows[0], 0x1000, FDR_ROW_RSP, 1));
  CHECK(is(rows[1], 0x1030, FDR_ROW_GAP, 0));
  CHECK(is(rows[2], 0x1100, FDR_ROW_RSP, 1));
  CHECK(is(rows[3], 0x1110, FDR_ROW_GAP, 0));
}
