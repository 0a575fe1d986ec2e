#include "recorder/saved/saved_window.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cmath>
#include <limits>

#include "tests/unit/recorder/test_directory.hpp"
#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint32_t number(StateKind kind) { return static_cast<std::uint32_t>(kind); }

SavedFacts facts() {
  return {.fdr_version = "0.1.0", .boot_id = "b", .name = "web", .mode = "attach", .command = {"a", "b c"}, .config = "x = 1\n", .armed_at = from_ns(7), .clock_period_ns = 10, .notes = {"n"},
          .metrics = {{"host.cpu", Unit::kPercent, MetricKind::kGauge}, {"host.swaps", Unit::kCount, MetricKind::kCounter}}};
}

std::string summary_of(std::uint64_t calls) {
  const SummaryRow row{.begin = from_ns(5), .interval = Duration{1}, .tgid = 3, .nr = 9, .calls = calls};
  return summary_payload({&row, 1});
}

Mapping mapping(std::uint64_t start, const std::string& path, std::uint64_t since = 0) {
  Mapping made;
  made.start = start;
  made.end = start + 0x1000;
  made.module.path = path;
  made.module.build_id = "ab";
  made.since = from_ns(since);
  return made;
}

// Two processes of one address space, one of which has ended, with a thread each.
ProcessTable family() {
  ProcessTable table({"web"});
  std::vector<fdr_thread> slots(64);
  table.add_existing(10, 0, {mapping(0x1000, "/bin/web"), mapping(0x1000, "/bin/newer", 50)}, from_ns(1));
  fdr_thread leader{};
  leader.id = thread_id(1, 1);
  leader.tid = leader.tgid = 10;
  leader.start_boottime = 99;
  std::string("web").copy(leader.comm, sizeof leader.comm);
  table.add_thread(leader);
  table.describe(10, "/bin/web", {"web", "--port", "80"});
  fdr_life fork = life_event(FDR_LIFE_FORK, 100, thread_id(1, 2), 11);
  fork.parent_tgid = 10;
  fdr_life exit = life_event(FDR_LIFE_EXIT, 200, thread_id(1, 2), 11);
  exit.group_dead = 1;
  exit.exit_code = 9;
  slots[2].id = thread_id(1, 2);
  slots[2].calls = 77;
  fdr_life later = life_event(FDR_LIFE_EXIT, 900, thread_id(1, 1), 10);
  later.group_dead = 1;
  table.apply({fork, exit, later}, {}, from_ns(500), slots.data(), 64);
  table.add_life({from_ns(300), LifeKind::kMark, kNoIndex, "deploy", 0});
  return table;
}

}  // namespace

TEST_CASE("state: records up to one that is torn or damaged") {
  const std::string bytes = state_record(1, "first") + state_record(2, "") + state_record(3, "third");
  bool whole = false;
  CHECK(state_records(bytes, whole).size() == 3);
  CHECK(whole);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto records = state_records(std::string_view(bytes).substr(0, length), whole);
    CHECK(records.size() == (length < 17 ? 0 : length < 29 ? 1 : 2));
    CHECK(whole == (length == 0 || length == 17 || length == 29));
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    CHECK(state_records(damaged, whole).size() == (at < 17 ? 0 : at < 29 ? 1 : 2));
    CHECK_FALSE(whole);
  }
}

TEST_CASE("state: a file is replaced as a whole, for us alone to read") {
  const TestDirectory place;
  CHECK(replace_state(place.path("facts"), 1, "old"));
  CHECK(replace_state(place.path("facts"), 1, "new"));
  CHECK(read_state(place.path("facts"), 1, 100) == "new");
  struct stat status {};
  REQUIRE(::stat(place.path("facts").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0600);
  CHECK(::stat(place.path("facts.new").c_str(), &status) != 0);
  CHECK_FALSE(read_state(place.path("facts"), 2, 100));  // another kind
  CHECK_FALSE(read_state(place.path("facts"), 1, 2));    // longer than it may be
  CHECK_FALSE(read_state(place.path("nothing"), 1, 100));
  // What cannot be written leaves what was there.
  CHECK_FALSE(replace_state(place.path("no/such"), 1, "x"));
}

TEST_CASE("state: facts, metrics, sums, ledger and text come back") {
  const TestDirectory place;
  CHECK_FALSE(read_saved_window(place.root()));  // nothing was written: it had recorded nothing
  REQUIRE(replace_state(place.path(kFactsFile), number(StateKind::kFacts), facts_payload(facts())));
  MetricRows rows;
  std::string journal, older;
  const auto add = [](std::string& to, StateKind kind, const std::string& payload) { to += state_record(number(kind), payload); };
  add(older, StateKind::kMetrics, rows.payload(from_ns(100), std::vector<double>{1, kUnknown}));
  add(older, StateKind::kMetrics, rows.payload(from_ns(200), std::vector<double>{1, 5}));
  add(older, StateKind::kLedger, "{\"a\":1}\n");
  rows.begin_anew();
  add(journal, StateKind::kMetrics, rows.payload(from_ns(300), std::vector<double>{kUnknown, 5}));
  add(journal, StateKind::kMetrics, rows.payload(from_ns(400), std::vector<double>{2, 5}));
  add(journal, StateKind::kSummary, summary_of(42));
  add(journal, StateKind::kLedger, "{\"b\":2}\n");
  add(journal, StateKind::kOtherMetrics, series_payload({{.name = "beat.x[1].age", .unit = Unit::kSeconds, .kind = MetricKind::kGauge, .points = {{from_ns(350), 0.5}}}}));
  const Pulse pulse{.anchor = {.realtime_ns = 1, .monotonic_ns = 2, .boottime_ns = 3}, .cpu_seconds = 4, .life_missed = 5, .summary_begin_ns = 6, .summary_end_ns = 7};
  StateWriter pulse_bytes;
  pulse_bytes.put(pulse);
  add(journal, StateKind::kPulse, pulse_bytes.bytes());
  place.file(kOldJournalFile, older);
  place.file(kJournalFile, journal + state_record(number(StateKind::kSummary), summary_of(99)).substr(0, 20));  // torn: killed while writing
  REQUIRE(replace_state(place.path(kTextFile), number(StateKind::kText), text_payload({{"system/before/stat", "cpu"}, {"system/before/long", std::string(500, 'x')}}, 100)));

  const auto saved = read_saved_window(place.root());
  REQUIRE(saved);
  CHECK(saved->facts.name == "web");
  CHECK(saved->facts.command == std::vector<std::string>{"a", "b c"});
  CHECK(saved->facts.config == "x = 1\n");
  CHECK(saved->facts.armed_at == from_ns(7));
  REQUIRE(saved->metrics.size() == 3);
  CHECK(saved->metrics[0].name == "host.cpu");
  CHECK(saved->metrics[0].unit == Unit::kPercent);
  CHECK(saved->metrics[0].points == std::vector<MetricSeries::Point>{{from_ns(100), 1}, {from_ns(200), 1}, {from_ns(400), 2}});
  CHECK(saved->metrics[1].kind == MetricKind::kCounter);
  CHECK(saved->metrics[1].points == std::vector<MetricSeries::Point>{{from_ns(200), 5}, {from_ns(300), 5}, {from_ns(400), 5}});
  CHECK(saved->metrics[2].points == std::vector<MetricSeries::Point>{{from_ns(350), 0.5}});
  CHECK(saved->metrics_end == from_ns(400));
  REQUIRE(saved->summary.size() == 1);
  CHECK(saved->summary[0].calls == 42);
  CHECK(saved->summary[0].tgid == 3);
  CHECK(saved->ledger == "{\"a\":1}\n{\"b\":2}\n");
  REQUIRE(saved->pulse);
  CHECK(saved->pulse->summary_end_ns == 7);
  CHECK(saved->anchors.size() == 1);
  CHECK(saved->text == TextFiles{{"system/before/stat", "cpu"}});
  CHECK_FALSE(saved->processes);
  CHECK(saved->losses.size() == 1);  // the processes; a torn last record is no loss worth a word
  remove_saved_window(place.root());
  CHECK_FALSE(read_saved_window(place.root()));
}

TEST_CASE("state: a row costs what has changed") {
  MetricRows rows;
  std::vector<double> row(200, 1.5);
  row[7] = kUnknown;
  const std::size_t whole = rows.payload(from_ns(1), row).size(), same = rows.payload(from_ns(2), row).size();
  row[9] = 2;
  const std::size_t one = rows.payload(from_ns(3), row).size();
  CHECK(whole == 12 + 200 * 10);
  CHECK(same == 12);
  CHECK(one == 12 + 10);
}

TEST_CASE("state: facts of another version, or damaged ones, are none") {
  std::string payload = facts_payload(facts());
  CHECK(read_facts(payload));
  CHECK_FALSE(read_facts(std::string("\x63\0\0\0", 4) + payload.substr(4)));
  for (std::size_t length = 0; length < payload.size(); ++length) CHECK_FALSE(read_facts(std::string_view(payload).substr(0, length)));
}

TEST_CASE("state: the table of processes comes back, and goes on where it was") {
  const ProcessTable table = family();
  const auto saved = read_processes(processes_payload(table, {{5, 60}, {7, 80}}, 1u << 20));
  REQUIRE(saved);
  CHECK(saved->left_out == 0);
  CHECK(saved->life.size() == 2);
  CHECK(saved->life[1].seq == 7);
  CHECK(saved->life[1].used == 80);
  const ProcessTable& back = saved->table;
  REQUIRE(back.processes().size() == 2);
  const TrackedProcess& first = back.processes().begin()->second;
  const TrackedProcess& second = back.processes().rbegin()->second;
  CHECK(first.process == table.processes().begin()->second.process);
  CHECK(second.process == table.processes().rbegin()->second.process);
  CHECK(first.process.command_line == std::vector<std::string>{"web", "--port", "80"});
  CHECK(first.process.target == "web");
  CHECK(second.process.wait_status == 9);
  REQUIRE(first.spaces.size() == 1);
  CHECK(first.spaces[0].space == second.spaces[0].space);  // once, as it was
  CHECK(first.spaces[0].space->mappings() == table.processes().begin()->second.spaces[0].space->mappings());
  CHECK(first.spaces[0].space->find(0x1010, from_ns(20))->module.path == "/bin/web");
  CHECK(first.spaces[0].space->find(0x1010, from_ns(60))->module.path == "/bin/newer");
  CHECK(back.live_process(10));
  CHECK_FALSE(back.live_process(11));
  const TrackedThread& ended = back.threads().at(thread_id(1, 2));
  CHECK(ended.account.calls == 77);
  CHECK(ended.name == "worker");
  CHECK(ended.ended == from_ns(200));
  REQUIRE(back.life().size() == 3);
  CHECK(back.life() == [&] {
    std::vector<LifeEvent> sorted = table.life();
    std::stable_sort(sorted.begin(), sorted.end(), [](const LifeEvent& a, const LifeEvent& b) { return a.time < b.time; });
    return sorted;
  }());
  // The event that was too young for the last tick is still to come.
  ProcessTable going = back;
  std::vector<fdr_thread> slots(64);
  const auto changes = going.apply({}, {}, from_ns(1000), slots.data(), 64);
  REQUIRE(changes.exits.size() == 1);
  CHECK(changes.exits[0].pid == 10);
}

TEST_CASE("state: who lives has room before what has ended") {
  ProcessTable table({"web"});
  std::vector<fdr_thread> slots(64);
  for (std::int32_t pid = 1; pid <= 50; ++pid) table.add_existing(pid, 0, {mapping(0x1000, "/bin/" + std::to_string(pid))}, from_ns(1));
  std::vector<fdr_life> ends;
  for (std::uint32_t pid = 1; pid <= 49; ++pid) {
    ends.push_back(life_event(FDR_LIFE_EXIT, 100 + pid, 0, pid));
    ends.back().group_dead = 1;
  }
  table.apply(ends, {}, from_ns(1000), slots.data(), 64);
  const std::string payload = processes_payload(table, {}, 2048);
  CHECK(payload.size() < 4096);
  const auto saved = read_processes(payload);
  REQUIRE(saved);
  CHECK(saved->left_out > 20);
  CHECK(saved->table.live_process(50));
  CHECK(saved->table.processes().size() < 30);
  CHECK(saved->table.processes().size() > 2);
  CHECK(saved->table.processes().rbegin()->second.process.pid == 50);
}

TEST_CASE("state: hostile tables are refused or bounded, never believed") {
  const std::string good = processes_payload(family(), {{5, 60}}, 1u << 20);
  for (std::size_t length = 0; length < good.size(); ++length) CHECK_FALSE(read_processes(std::string_view(good).substr(0, length)));
  // Counts and lengths that promise more than there is.
  for (std::size_t at = 0; at + 4 <= good.size(); ++at) {
    std::string hostile = good;
    hostile.replace(at, 4, "\xff\xff\xff\x7f");
    if (const auto saved = read_processes(hostile)) CHECK(saved->table.processes().size() <= 2);
  }
}
