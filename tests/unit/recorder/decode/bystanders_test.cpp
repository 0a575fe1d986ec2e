#include "recorder/decode/bystanders.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "recorder/metrics/bystander_cpu.hpp"

using namespace fdr;
using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// The host has slept for 1000 s: BOOTTIME is ahead by that.
const ClockAnchor kClock{0, 0, static_cast<std::int64_t>(1000 * kSecond)};
const Timestamp kBegin{100s};

fdr_bystander ended(std::uint32_t pid, double start_s, double end_s, const char* comm) {
  fdr_bystander event{};
  event.head.ns = static_cast<std::uint64_t>(end_s * 1e9);
  event.tgid = pid;
  event.parent_tgid = 50;
  event.start_boottime = 1000 * kSecond + static_cast<std::uint64_t>(start_s * 1e9);
  event.exit_code = 256;
  std::strncpy(event.comm, comm, sizeof event.comm);
  std::strcpy(event.file, "file");
  return event;
}

bool take(Bystanders& bystanders, const fdr_bystander& event, std::size_t bytes = sizeof(fdr_bystander)) {
  return bystanders.ended({reinterpret_cast<const std::uint8_t*>(&event), bytes});
}

const Process* find(const std::vector<Process>& processes, std::int32_t pid) {
  const auto found = std::find_if(processes.begin(), processes.end(), [&](const Process& p) { return p.pid == pid; });
  return found == processes.end() ? nullptr : &*found;
}

std::pair<std::uint32_t, fdr_ticks> ran(std::uint32_t pid, const char* comm, std::uint64_t ticks, std::uint64_t system, double last_s = 110, double start_s = 1) {
  fdr_ticks entry{};
  entry.ticks = ticks;
  entry.system_ticks = system;
  entry.last_ns = static_cast<std::uint64_t>(last_s * 1e9);
  entry.start_boottime = 1000 * kSecond + static_cast<std::uint64_t>(start_s * 1e9);
  std::strncpy(entry.comm, comm, sizeof entry.comm);
  return {pid, entry};
}

LivingProcess living(std::int32_t pid, std::int32_t parent, double start_s, const char* name) {
  return {pid, parent, 1000 * kSecond + static_cast<std::uint64_t>(start_s * 1e9), name};
}

}  // namespace

TEST_CASE("bystanders: short lives are rows with their begin, their end and how it was") {
  Bystanders bystanders;
  CHECK(take(bystanders, ended(7, 101.5, 102, "puppet")));
  CHECK(take(bystanders, ended(8, 20, 103, "sixteen-letters-")));  // not terminated, older than the window
  CHECK_FALSE(take(bystanders, ended(9, 1, 2, "x"), sizeof(fdr_bystander) - 8));
  std::vector<Process> processes(1);
  processes[0].pid = 1;
  bystanders.finish({}, {}, kBegin, kClock, processes);
  REQUIRE(processes.size() == 3);
  const Process* puppet = find(processes, 7);
  REQUIRE(puppet);
  CHECK(puppet->name == "puppet");
  CHECK(puppet->executable == "file");
  CHECK(puppet->parent == 50);
  CHECK(puppet->started == Timestamp{101500ms});
  CHECK(puppet->ended == Timestamp{102s});
  CHECK(puppet->wait_status == 256);
  CHECK(puppet->target.empty());
  CHECK_FALSE(find(processes, 8)->started);
  CHECK(find(processes, 8)->name.size() == 16);
}

TEST_CASE("bystanders: of the living who is new, who was busy, and whose children they are") {
  const std::vector<LivingProcess> alive = {living(1, 0, 0.1, "init"), living(20, 1, 5, "cron"),  living(21, 20, 105, "job"),
                                            living(30, 1, 1, "busy"),  living(40, 1, 1, "idle"),  living(50, 1, 9, "again"),
                                            living(60, 1, 9, "late"),  living(70, 60, 104, "target")};
  std::vector<Process> processes(1);
  processes[0].pid = 70;
  processes[0].parent = 60;
  processes[0].target = "t";
  // 50 was busy under a process that is gone and whose pid was used again; 40 has not run since the window began.
  Bystanders().finish(alive, {ran(30, "busy", 5, 0), ran(40, "idle", 5, 0, 99), ran(50, "gone", 5, 0, 110, 3)}, kBegin, kClock, processes);
  CHECK(find(processes, 21)->started == Timestamp{105s});
  CHECK(find(processes, 20));  // its parent
  CHECK(find(processes, 30));
  CHECK_FALSE(find(processes, 30)->started);
  CHECK_FALSE(find(processes, 40));
  CHECK_FALSE(find(processes, 50));
  CHECK(find(processes, 60));  // a target's parent
  CHECK(std::count_if(processes.begin(), processes.end(), [](const Process& p) { return p.pid == 70; }) == 1);
}

TEST_CASE("bystanders: the oldest of too many are left out") {
  Bystanders bystanders;
  for (std::uint32_t i = 0; i < Bystanders::kMost + 100; ++i) take(bystanders, ended(i + 1, 101, 102 + 1e-3 * i, "x"));
  std::vector<Process> processes;
  bystanders.finish({}, {}, kBegin, kClock, processes);
  CHECK(processes.size() == Bystanders::kMost);
  CHECK_FALSE(find(processes, 100));
  CHECK(find(processes, 101));
}

TEST_CASE("bystander cpu: who was busy has a metric in percent of a CPU, by name, from then on") {
  BystanderCpu cpu(60s, 10ms);
  cpu.read({ran(1, "long ago", 1'000'000, 0)}, Timestamp{100s});  // before we looked
  CHECK(cpu.series(Timestamp{}).empty());
  CHECK_FALSE(cpu.due(Timestamp{100500ms}));
  REQUIRE(cpu.due(Timestamp{101s}));
  cpu.read({ran(1, "long ago", 1'000'000, 0), ran(2, "a b]", 30, 10), ran(3, "a b]", 20, 20), ran(4, "idle", 4, 0)}, Timestamp{101s});
  cpu.read({ran(1, "long ago", 1'000'000, 0), ran(2, "a b]", 30, 10), ran(4, "idle", 8, 0)}, Timestamp{102s});
  const auto series = cpu.series(Timestamp{});
  REQUIRE(series.size() == 2);
  CHECK(series[0].name == "bystander[a_b_].cpu.total");
  CHECK(series[0].unit == Unit::kPercent);
  REQUIRE(series[0].points.size() == 2);
  CHECK(series[0].points[0].value == doctest::Approx(50));  // both processes of that name
  CHECK(series[0].points[1].value == 0);
  CHECK(series[1].name == "bystander[a_b_].cpu.system");
  CHECK(series[1].points[0].value == doctest::Approx(30));
  cpu.read({}, Timestamp{200s});
  CHECK(cpu.series(Timestamp{}).empty());  // forgotten
}

TEST_CASE("bystander cpu: names without end are bounded") {
  BystanderCpu cpu(60s, 10ms);
  cpu.read({}, Timestamp{100s});
  for (int second = 1; second <= 30; ++second) {
    std::vector<std::pair<std::uint32_t, fdr_ticks>> ticks;
    for (std::uint32_t i = 0; i < 50; ++i) {
      const std::uint32_t pid = 1000 * static_cast<std::uint32_t>(second) + i;
      ticks.push_back(ran(pid, ("p" + std::to_string(pid)).c_str(), 50, 0));
    }
    cpu.read(ticks, Timestamp{100s} + std::chrono::seconds(second));
  }
  CHECK(cpu.series(Timestamp{}).size() == 2 * BystanderCpu::kMost);
}
