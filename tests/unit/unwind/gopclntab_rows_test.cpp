#include "unwind/gopclntab_rows.hpp"

#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>

#include "tests/unit/unwind/made_up_go.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/module_rows.hpp"

using namespace fdr;
using test::GoCode;
using test::MadeUpGo;

namespace {

// Every row as "pc rule cfa rbp".
std::vector<std::string> lines(const std::vector<fdr_row>& rows) {
  static const char* const kNames[] = {"gap", "rsp",    "rbp", "at-rbp", "at-rsp", "behind-rsp",
                                       "plt", "signal", "end", "cx",     "frame",  "switch", "goroutine"};
  std::vector<std::string> result;
  for (const fdr_row& row : rows) {
    char line[64];
    std::snprintf(line, sizeof(line), "%x %s %d%s", row.pc, kNames[row.rule], row.cfa,
                  row.rbp == FDR_RBP_SAME ? ""
                  : row.rbp == -2         ? " rbp"
                                          : " ?");
    result.push_back(line);
  }
  return result;
}

using Lines = std::vector<std::string>;
const std::vector<std::uint8_t> kSub24 = {0x48, 0x83, 0xec, 24, 0x48, 0x89, 0x6c, 0x24, 16};  // sub; mov %rbp,16(%rsp)
const std::vector<std::uint8_t> kPush = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 16};       // push %rbp; mov; sub

}  // namespace

TEST_CASE("Go functions become rows, in each format of the table") {
  for (const int version : {16, 18, 20}) {
    CAPTURE(version);
    MadeUpGo go(version);
    go.add({"main.leaf", 0x20, {}, {{0x20, 0}}});
    go.add({"main.old", 0x40, kSub24, {{4, 0}, {0x2c, 24}, {0x10, 0}}});
    go.add({"main.new", 0x40, kPush, {{1, 0}, {7, 8}, {0x28, 24}, {1, 8}, {0xf, 0}}});
    go.add({"main.asm", 0x40, {0x48, 0x83, 0xec, 24, 0x90}, {{4, 0}, {0x3c, 24}}});
    go.add({"main.nothing", 0x20, {}, {}});
    const auto image = go.image();
    const ImageRows built = gopclntab_rows(*image);
    CHECK(built.reason == "");
    CHECK(built.functions == 5);
    CHECK(lines(built.rows) == Lines{"1000 rsp 1", "1024 rsp 4", "1029 rsp 4 rbp", "1050 rsp 1", "1061 rsp 2 rbp",
                                     "1068 rsp 4 rbp", "1090 rsp 2 rbp", "1091 rsp 1", "10a4 rsp 4", "10e0 frame 0",
                                     "1100 gap 0"});
  }
}

TEST_CASE("Go's roots, its signal return and what it runs on another stack") {
  MadeUpGo go(20);
  go.add({"runtime.mstart", 0x20, {}, {{0x20, 0}}, kGoTopFrame});
  go.add({"runtime.mcall", 0x20, {}, {{0x20, 0}}, kGoWritesSp});
  go.add({"main.f", 0x20, {}, {{0x20, 0}}});
  go.add({"runtime.systemstack.abi0", 0x20, {}, {{0x20, 0}}, kGoWritesSp});  // 1.19: no frame
  go.add({"runtime.systemstack", 0x40, kPush, {{1, 0}, {0x2f, 8}, {0x10, 0}}, kGoWritesSp});
  go.add({"runtime.sigtramp", 0x20, {}, {{4, 0}, {0x1c, 48}}, kGoTopFrame});
  go.add({"runtime.sigreturn__sigaction", 0x20, {}, {{0x20, 0}}});
  go.add({"main.huge", 0x20, {}, {{4, 0}, {0x1c, 1 << 20}}});
  go.add({"runtime.morestack_noctxt", 0x20, {}, {{0x20, 0}}});
  go.add({"_rt0_amd64_linux", 0x20, {}, {{0x20, 0}}});
  const auto image = go.image();
  CHECK(lines(gopclntab_rows(*image).rows) == Lines{"1000 end 0", "1040 rsp 1", "1060 switch 0", "1080 rsp 1",
                                                    "1081 switch 0", "10b0 rsp 1", "10c4 rsp 7", "10df signal 0",
                                                    "1100 rsp 1", "1104 cx 3", "1120 end 0", "1160 gap 0"});
}

TEST_CASE("the table is found without sections, where its text start is a relocation, and by the module data") {
  const auto rows_with = [](auto prepare) {
    MadeUpGo go(20);
    go.add({"main.leaf", 0x20, {}, {{0x20, 0}}});
    prepare(go);
    const auto image = go.image();
    return gopclntab_rows(*image);
  };
  const Lines expected = {"1000 rsp 1", "1020 gap 0"};
  CHECK(lines(rows_with([](MadeUpGo&) {}).rows) == expected);
  CHECK(lines(rows_with([](MadeUpGo& go) { go.text_start = GoCode::kRelocated; }).rows) == expected);
  CHECK(lines(rows_with([](MadeUpGo& go) { go.text_start = GoCode::kInModuleData; }).rows) == expected);
  const ImageRows lost = rows_with([](MadeUpGo& go) { go.text_start = GoCode::kNowhere; });
  CHECK(lost.rows.empty());
  CHECK(lost.reason == "pclntab: its functions do not lie in the code");
}

TEST_CASE("an image that is not Go's has no Go rows, and nothing to complain of") {
  std::string problem;
  const auto image = ElfImage::open("/proc/self/exe", &problem);
  REQUIRE(image);
  const ImageRows built = gopclntab_rows(*image);
  CHECK(built.rows.empty());
  CHECK(built.reason == "");
}

TEST_CASE("systemstack: on the goroutine's stack, then on another, then back") {
  // As Go 1.19 has it (asm_amd64.s), from the switch on.
  std::vector<std::uint8_t> code = {
      0x48, 0x8b, 0x5a, 0x38,                                // mov 56(%rdx),%rbx
      0x48, 0x89, 0xdc,                                      // mov %rbx,%rsp
      0x48, 0x89, 0xfa, 0x48, 0x8b, 0x3f, 0xff, 0xd7,        // mov %rdi,%rdx; mov (%rdi),%rdi; call *%rdi
      0x64, 0x48, 0x8b, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff,  // mov %fs:-8,%rax
      0x48, 0x8b, 0x58, 0x30,                                // mov 48(%rax),%rbx
      0x48, 0x8b, 0x83, 0xc0, 0, 0, 0,                       // mov 192(%rbx),%rax
      0x64, 0x48, 0x89, 0x04, 0x25, 0xf8, 0xff, 0xff, 0xff,  // mov %rax,%fs:-8
      0x48, 0x8b, 0x60, 0x38, 0xc3};                         // mov 56(%rax),%rsp; ret
  const auto rows_of = [](std::vector<std::uint8_t> function, std::uint8_t flags) {
    MadeUpGo go(18);
    go.add({"runtime.systemstack.abi0", 0x60, std::move(function), {{0x60, 0}}, flags});
    return lines(gopclntab_rows(*go.image()).rows);
  };
  CHECK(rows_of(code, kGoWritesSp) == Lines{"1000 rsp 1", "1007 goroutine 24", "1030 rsp 1", "1060 gap 0"});
  code[4] = 0x90;  // it leaves its stack nobody knows where
  CHECK(rows_of(code, kGoWritesSp) == Lines{"1000 switch 0", "1060 gap 0"});
  CHECK(rows_of({}, kGoWritesSp) == Lines{"1000 switch 0", "1060 gap 0"});
}

TEST_CASE("a damaged function is a gap, and the others are there") {
  MadeUpGo go(18);
  go.add({"main.a", 0x20, {}, {{0x20, 0}}});
  go.add({"main.b", 0x20, {}, {{0x20, 0}}});
  go.add({"main.c", 0x20, {}, {{0x20, 0}}});
  go.broken_function = 1;
  const auto image = go.image();
  const ImageRows built = gopclntab_rows(*image);
  CHECK(lines(built.rows) == Lines{"1000 rsp 1", "1020 gap 0", "1040 rsp 1", "1060 gap 0"});
  CHECK(built.refused == 1);
  CHECK(built.reason == "pclntab: a damaged function");
}

TEST_CASE("a table whose values overflow, or whose steps are shorter than its prologue, keeps its rows in order") {
  MadeUpGo go(20);
  go.add({"main.far", 0x20, {}, {{4, 0}, {0x1c, INT64_MAX}}});
  go.add({"main.short", 6, kSub24, {{4, 0}, {1, 24}, {1, 32}}});
  const auto image = go.image();
  const auto rows = gopclntab_rows(*image).rows;
  for (std::size_t i = 1; i < rows.size(); ++i) CHECK(rows[i - 1].pc < rows[i].pc);
  CHECK(lines(rows)[1] == "1004 cx 3");
  CHECK(rows.back().rule == FDR_ROW_GAP);
}
