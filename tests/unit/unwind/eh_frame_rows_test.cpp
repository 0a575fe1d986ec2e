#include "unwind/eh_frame_rows.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "tests/unit/unwind/row_oracle.hpp"
#include "unwind/address_space.hpp"

using namespace fdr;
using test::StepRegisters;

namespace {

struct Random {
  std::uint64_t seed = 1;
  std::uint64_t operator()() { return seed = seed * 6364136223846793005u + 1442695040888963407u, seed >> 31; }
};

// This program, what it is linked with, and well-known others where they are installed.
std::vector<std::string> real_files() {
  std::set<std::string> files;
  std::string text;
  if (FILE* maps = std::fopen("/proc/self/maps", "r")) {
    char chunk[4096];
    for (std::size_t got; (got = std::fread(chunk, 1, sizeof(chunk), maps)) > 0;) text.append(chunk, got);
    std::fclose(maps);
  }
  for (const Mapping& mapping : parse_maps(text))
    if (mapping.module.kind == ModuleKind::kFile) files.insert(mapping.module.path);
  for (const char* path : {"/usr/bin/redis-server", "/usr/sbin/haproxy", "/usr/bin/python3.11", "/usr/sbin/nginx",
                           "/usr/lib/x86_64-linux-gnu/libcrypto.so.3"})
    if (::access(path, R_OK) == 0) files.insert(path);
  return {files.begin(), files.end()};
}

const fdr_row* row_at(const std::vector<fdr_row>& rows, std::uint64_t pc) {
  const auto behind =
      std::upper_bound(rows.begin(), rows.end(), pc, [](std::uint64_t a, const fdr_row& row) { return a < row.pc; });
  return behind == rows.begin() ? nullptr : &*std::prev(behind);
}

struct Comparison {
  std::size_t compared = 0, gaps = 0, padding = 0, complex = 0, roots = 0, different = 0;
};

void compare_at(const test::RowOracle& oracle, const std::vector<fdr_row>& rows, std::uint64_t base,
                std::uint64_t vaddr, Comparison& result) {
  // Frames begin far below what is in memory: every CFA is above sp, as in an honest stack.
  const StepRegisters now{vaddr + (1ull << 32), (1ull << 45) + (vaddr % 4096) * 64, (1ull << 46) + vaddr * 16};
  const fdr_row* row = row_at(rows, vaddr - base);
  const test::OracleStep truth = oracle.step(vaddr, now);
  const bool gap = !row || row->rule == FDR_ROW_GAP;
  if (!truth.known) {
    if (gap) return ++result.gaps, void();
    // Only padding may be said to belong to the function before it.
    bool behind_a_function = false;
    for (std::uint64_t back = 1; back < 16; ++back) behind_a_function |= oracle.step(vaddr - back, now).known;
    ++result.padding;
    if (!behind_a_function) ++result.different;
    return;
  }
  ++result.compared;
  if (gap) return ++result.different, void();
  if (row->rule == FDR_ROW_COMPLEX) return ++result.complex, void();
  StepRegisters caller;
  const int end = test::made_up_step(*row, false, now, &caller);
  bool same = false;
  if (truth.root) {
    ++result.roots;
    same = end == FDR_WALK_ROOT;
  } else {
    same =
        end == FDR_WALK_ON && truth.caller && caller == *truth.caller && truth.signal == (row->rule == FDR_ROW_SIGNAL);
  }
  if (!same) {
    ++result.different;
    MESSAGE("at " << vaddr << ": rule " << int{row->rule} << " cfa " << row->cfa << " rbp " << int{row->rbp}
                  << ", ended " << end);
  }
}

}  // namespace

TEST_CASE("rows step exactly as libdw says, everywhere in real programs") {
  Random random;
  Comparison all;
  for (const std::string& path : real_files()) {
    std::string problem;
    const auto image = ElfImage::open(path, &problem);
    const test::RowOracle oracle(path);
    if (!image || !oracle.usable()) continue;
    CAPTURE(path);
    const ImageRows built = eh_frame_rows(*image);
    CHECK(built.reason == "");
    CHECK(built.refused == 0);
    if (built.rows.size() <= 10) continue;  // a library of data, such as ICU's
    Comparison here;
    const auto& rows = built.rows;
    const std::uint64_t base = row_base(*image);
    for (int i = 0; i < 3000; ++i) {  // rows alike, so that rare rules are met
      const std::size_t k = random() % (rows.size() - 1);
      const std::uint64_t pc = rows[k].pc + random() % (rows[k + 1].pc - rows[k].pc);
      compare_at(oracle, rows, base, base + pc, here);
    }
    for (std::size_t k = 0; k + 1 < rows.size(); ++k)  // and each of the rare ones
      if (rows[k].rule != FDR_ROW_RSP && rows[k].rule != FDR_ROW_RBP)
        compare_at(oracle, rows, base, base + rows[k].pc + random() % (rows[k + 1].pc - rows[k].pc), here);
    for (int i = 0; i < 3000; ++i)  // bytes alike
      compare_at(oracle, rows, base, base + rows[0].pc + random() % (rows.back().pc - rows[0].pc + 64), here);
    CHECK(here.different == 0);
    CHECK(here.compared > 2000);
    all.compared += here.compared, all.gaps += here.gaps, all.complex += here.complex, all.roots += here.roots;
    all.different += here.different, all.padding += here.padding;
  }
  MESSAGE(all.compared << " addresses compared, " << all.complex << " too complex, " << all.roots << " roots, "
                       << all.gaps << " in gaps, " << all.padding << " in padding, " << all.different << " different");
  CHECK(all.compared > 20'000);
  CHECK(all.roots > 0);
  CHECK(all.gaps > 0);
  CHECK(all.complex < all.compared / 50);
}

TEST_CASE("rows are sorted, differ from their neighbours, and end in a gap") {
  std::string problem;
  const auto image = ElfImage::open("/proc/self/exe", &problem);
  REQUIRE(image);
  const ImageRows built = eh_frame_rows(*image);
  REQUIRE(built.rows.size() > 1000);
  for (std::size_t i = 1; i < built.rows.size(); ++i) {
    REQUIRE(built.rows[i - 1].pc < built.rows[i].pc);
    REQUIRE_FALSE(same_rule(built.rows[i - 1], built.rows[i]));
  }
  CHECK(built.rows.back().rule == FDR_ROW_GAP);
  CHECK(built.functions > 100);
}
