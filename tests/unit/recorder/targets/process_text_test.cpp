#include "recorder/targets/process_text.hpp"

#include <doctest/doctest.h>

#include "tests/unit/recorder/metrics/metrics_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

const std::string kGolden = std::string(FDR_TEST_DATA) + "/golden/proc/";

}  // namespace

TEST_CASE("stat: a captured process with a hostile comm") {
  const auto stat = parse_pid_stat(read_file(kGolden + "4711/stat"), 100, 4096);
  REQUIRE(stat);
  CHECK(stat->comm == "a) R (b\n");
  CHECK(stat->state == 'S');
  CHECK(stat->parent == 1);
  CHECK(stat->threads == 1);
  CHECK(stat->minor_faults == 5232);
  CHECK(stat->major_faults == 0);
  CHECK(stat->user_s == doctest::Approx(0.11));
  CHECK(stat->system_s == doctest::Approx(0.01));
  CHECK(stat->start_ticks == 410223);
  CHECK(stat->rss_bytes == 5364u * 4096);
}

TEST_CASE("stat: malformed text gives nothing") {
  for (const char* text :
       {"", "1", "1 (x", "1 x) S 1", ")(", "1 (x) S", "1 (x) S 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 5 1",
        "1 (x) SS 1 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 5 1 1", "1 (x) S 1 1 1 0 -1 0 0 0 0 0 a 1 0 0 20 0 1 0 5 1 1",
        "1 (x) S 99999999999 1 1 0 -1 0 0 0 0 0 1 1 0 0 20 0 1 0 5 1 1"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_pid_stat(text, 100, 4096));
  }
  const std::string whole = read_file(kGolden + "4711/stat");
  for (std::size_t cut = 0; cut < whole.size(); ++cut) parse_pid_stat(whole.substr(0, cut), 100, 4096);
}

TEST_CASE("status: memory by kind, and switches") {
  const auto memory = parse_pid_status(read_file(kGolden + "4711/status"));
  REQUIRE(memory);
  CHECK(memory->anon > 20u << 20);
  CHECK(memory->file > 0);
  CHECK(memory->shmem == 0);
  CHECK(memory->swap == 0);
  CHECK(memory->voluntary > 0);
  CHECK_FALSE(parse_pid_status(""));
  CHECK_FALSE(parse_pid_status("VmRSS: 5 kB\n"));
  CHECK(parse_pid_status("Pid:\t5\nVmRSS:\t7 kB\n")->anon == 7 * 1024);  // before 4.5
  CHECK(parse_pid_status("Pid:\t5\nState:\tZ (zombie)\n")->anon == 0);
}
