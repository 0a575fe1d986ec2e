#include "unwind/module_rows.hpp"

#include <doctest/doctest.h>
#include <elf.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstring>

#include "tests/unit/unwind/made_up_go.hpp"
#include "tests/unit/unwind/stack_fixture.hpp"

using namespace fdr;

namespace {

const fdr_row* row_at(const ModuleRows& built, std::uint64_t vaddr) {
  const fdr_row* found = nullptr;
  for (const fdr_row& row : built.rows)
    if (row.pc <= vaddr - built.base) found = &row;
  return found;
}

ModuleRows rows_of_bytes(std::vector<std::uint8_t> bytes) {
  std::string problem;
  const auto image = ElfImage::from_memory(std::move(bytes), &problem);
  REQUIRE_MESSAGE(image, problem);
  return rows_of(*image);
}

}  // namespace

TEST_CASE("an image without unwind information says so") {
  test::MadeUpGo nothing(20);
  auto bytes = nothing.bytes();
  std::memset(bytes.data() + 0x1000, 0, 8);  // no pclntab either
  const ModuleRows built = rows_of_bytes(bytes);
  CHECK(built.rows.empty());
  CHECK(built.reason == "no .eh_frame");
  CHECK_FALSE(built.has_go);
}

TEST_CASE("a Go image lacks nothing for having no .eh_frame") {
  test::MadeUpGo go(20);
  go.add({"main.leaf", 0x20, {}, {{0x20, 0}}});
  const ModuleRows built = rows_of_bytes(go.bytes());
  CHECK(built.has_go);
  CHECK(built.reason == "");
  CHECK(built.functions == 1);
  CHECK(built.bytes() == 16);
  CHECK(built.bias(0x7000'1000, 0x1000) == 0x7000'0000);
}

TEST_CASE("where nothing has tables, the entry point is a root and a restorer leads back from a signal") {
  test::MadeUpGo program(20);
  program.add({"", 0x100, {0x31, 0xed, 0x48, 0x89, 0xe7}, {}});               // xor %ebp,%ebp
  program.add({"", 0x100, {0x48, 0xc7, 0xc0, 15, 0, 0, 0, 0x0f, 0x05}, {}});  // mov $15,%rax; syscall
  auto bytes = program.bytes();
  const std::uint64_t entry = 0x1000;
  std::memcpy(bytes.data() + offsetof(Elf64_Ehdr, e_entry), &entry, sizeof(entry));
  std::memset(bytes.data() + 0x1200, 0, 8);  // spoils the table
  const ModuleRows built = rows_of_bytes(bytes);
  REQUIRE(built.rows.size() == 4);
  CHECK(row_at(built, 0x1000)->rule == FDR_ROW_END);
  CHECK(row_at(built, 0x1080)->rule == FDR_ROW_GAP);
  CHECK(row_at(built, 0x10ff)->rule == FDR_ROW_SIGNAL);  // a return address is looked up by the byte before it
  CHECK(row_at(built, 0x1108)->rule == FDR_ROW_SIGNAL);
  CHECK(row_at(built, 0x1109)->rule == FDR_ROW_GAP);

  bytes[0x1000] = 0x90;  // not what an entry point begins with
  CHECK(row_at(rows_of_bytes(bytes), 0x1000) == nullptr);
}

TEST_CASE("rows from memory: the vDSO, and a whole system's loader") {
  const ModuleRows vdso = rows_of_bytes(test::read_data("stacks/vdso.gz"));
  CHECK(vdso.reason == "");
  CHECK(vdso.rows.size() > 10);
  const ModuleRows libc = rows_of_bytes(test::read_data("stacks/libc.so.6.gz"));
  CHECK(libc.rows.size() > 10'000);
  CHECK(std::count_if(libc.rows.begin(), libc.rows.end(),
                      [](const fdr_row& row) { return row.rule == FDR_ROW_SIGNAL; }) == 1);
  CHECK(libc.complex > 0);
  CHECK(libc.complex < 20);
}
