// Writing and reading are inverse to each other, in every field.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "formats/perfetto_packets.hpp"
#include "formats/perfetto_reader.hpp"
#include "tests/unit/formats/perfetto_example.hpp"

namespace fdr {
namespace {

// Comparing whole tables with one CHECK would print nothing useful: say which kind differs, and where first.
template <class Row>
void check_rows(const char* kind, const std::vector<Row>& expected, const std::vector<Row>& actual) {
  CAPTURE(kind);
  REQUIRE(expected.size() == actual.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(expected[i] == actual[i]);
  }
}

void check_same(const Timeline& expected, const Timeline& actual) {
  CHECK(expected.machine == actual.machine);
  CHECK(expected.kernel == actual.kernel);
  CHECK(expected.cpus == actual.cpus);
  CHECK(expected.anchor == actual.anchor);
  CHECK(expected.begin == actual.begin);
  CHECK(expected.end == actual.end);
  check_rows("processes", expected.processes, actual.processes);
  check_rows("threads", expected.threads, actual.threads);
  check_rows("modules", expected.stacks.modules(), actual.stacks.modules());
  check_rows("frames", expected.stacks.frames(), actual.stacks.frames());
  REQUIRE(expected.stacks.stack_count() == actual.stacks.stack_count());
  for (StackId id = 0; id < expected.stacks.stack_count(); ++id) {
    const auto a = expected.stacks.stack(id), b = actual.stacks.stack(id);
    CHECK(std::vector(a.begin(), a.end()) == std::vector(b.begin(), b.end()));
  }
  check_rows("samples", expected.samples, actual.samples);
  check_rows("syscalls", expected.syscalls, actual.syscalls);
  check_rows("slow", expected.slow, actual.slow);
  check_rows("failed", expected.failed, actual.failed);
  check_rows("summary", expected.summary, actual.summary);
  check_rows("errors", expected.errors, actual.errors);
  check_rows("failing", expected.failing, actual.failing);
  check_rows("stalls", expected.stalls, actual.stalls);
  check_rows("growth", expected.growth, actual.growth);
  check_rows("life", expected.life, actual.life);
  check_rows("metrics", expected.metrics, actual.metrics);
}

ReadResult read_back(const Timeline& timeline) {
  ReadResult result = read_perfetto(trace_of(timeline));
  CHECK(result.complete);
  CHECK(result.problem == "");
  return result;
}

}  // namespace

TEST_CASE("a trace holds every field of a recording") {
  const Timeline timeline = example_timeline();
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("an empty recording survives") {
  Timeline timeline;
  timeline.machine = "";
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("rows without anything in them are rows all the same") {
  Timeline timeline;
  timeline.processes.resize(2);
  timeline.threads.resize(2);
  timeline.samples.resize(2);
  timeline.syscalls.resize(2);
  timeline.slow.resize(2);
  timeline.failed.resize(2);
  timeline.summary.resize(2);
  timeline.errors.resize(2);
  timeline.stalls.resize(2);
  timeline.life.resize(2);
  timeline.metrics.resize(2);
  timeline.metrics[0].points.resize(2);
  timeline.stacks.intern_frame(timeline.stacks.intern_module({}), 0);
  timeline.stacks.intern_stack({});
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("every metric is a counter track, those without a unit too") {
  // Perfetto drops the points of a track that has no CounterDescriptor.
  Timeline timeline = example_timeline();
  timeline.metrics = {{"plain", Unit::kNone, MetricKind::kGauge, {{at_ms(1), 2.0}}}};
  std::size_t counters = 0;
  const std::string trace = trace_of(timeline);
  perfetto::for_each_packet(trace, {}, [&](std::string_view bytes) {
    for (perfetto::FieldCursor packet(bytes); packet.next();) {
      if (packet.field() != perfetto::packet::kTrackDescriptor) continue;
      for (perfetto::FieldCursor track(packet.bytes()); track.next();)
        counters += track.field() == perfetto::track::kCounter;
    }
  });
  CHECK(counters == 1);
}

TEST_CASE("every reason of a walk's end, kind of stall and kind of life event survives") {
  Timeline timeline = example_timeline();
  timeline.samples.clear();
  for (unsigned end = 0; end < static_cast<unsigned>(WalkEnd::kCount); ++end)
    timeline.samples.push_back({at_ms(end), 0, 0, false, 0, static_cast<WalkEnd>(end)});
  timeline.stalls.clear();
  for (unsigned kind = 0; kind < static_cast<unsigned>(StallKind::kCount); ++kind)
    timeline.stalls.push_back(
        {at_ms(kind), {}, {}, 0, static_cast<StallKind>(kind), false, -1, kNoStack, WalkEnd::kRoot});
  timeline.life.clear();
  for (unsigned kind = 0; kind <= static_cast<unsigned>(LifeKind::kNote); ++kind)
    timeline.life.push_back({at_ms(kind), static_cast<LifeKind>(kind), kNoIndex, "text", -5});
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("bytes that are not text survive in names") {
  Timeline timeline = example_timeline();
  timeline.processes[0].name = std::string("a\0b\xff\n", 5);
  timeline.threads[0].name = "\x1b[31m";
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("a frame without a name stays without one") {
  // In the trace it is shown as module+0x1234; were that read back as a name, symbols could never replace it.
  const Timeline actual = read_back(example_timeline()).timeline;
  CHECK(actual.stacks.frames()[0].name == "");
  CHECK(actual.stacks.frame_label(0) == "server+0x1234");
  CHECK(actual.stacks.frames()[2].name == "tcp_sendmsg");
}

TEST_CASE("records of a tid that was used twice keep to their threads") {
  const Timeline actual = read_back(example_timeline()).timeline;
  REQUIRE(actual.threads[2].tid == actual.threads[4].tid);
  CHECK(actual.samples[6].thread == 2);
  CHECK(actual.samples[7].thread == 4);
}

TEST_CASE("many calls keep their order across chunks and CPUs, in little room") {
  Timeline timeline = example_timeline();
  timeline.syscalls.clear();
  std::mt19937_64 random(1);
  constexpr std::size_t kCalls = 20'000;
  for (std::size_t i = 0; i < kCalls; ++i) {
    SyscallCall call;
    call.begin = at_ms(static_cast<double>(i / 3));  // three at each moment
    call.wall = Duration(random() % 100'000);
    call.cpu = Duration(random() % 1000);
    call.thread = static_cast<std::uint32_t>(random() % 2);
    call.number = static_cast<std::uint16_t>(random() % 300);
    call.abi = random() % 50 ? SyscallAbi::kNative : SyscallAbi::kCompat;
    call.cpu_id = static_cast<std::uint16_t>(random() % 7);
    call.result = static_cast<std::int64_t>(random() % 100) - 50;
    call.argument = random() % 1000;
    timeline.syscalls.push_back(call);
  }
  const std::string bytes = trace_of(timeline);
  CHECK(bytes.size() < kCalls * 30);
  check_same(timeline, read_perfetto(bytes).timeline);
}

TEST_CASE("a stack table larger than a packet survives") {
  Timeline timeline = example_timeline();
  timeline.samples.clear();
  std::mt19937 random(2);
  for (std::uint32_t i = 0; i < 3000; ++i) {
    std::vector<std::uint32_t> frames;
    for (std::uint32_t depth = 0; depth < 1 + i % 60; ++depth)
      frames.push_back(timeline.stacks.intern_frame(random() % 5, random() % 4000,
                                                    random() % 3 ? "" : "named_" + std::to_string(i)));
    timeline.samples.push_back({at_ms(i), 0, 0, false, timeline.stacks.intern_stack(frames), WalkEnd::kRoot});
  }
  check_same(timeline, read_back(timeline).timeline);
}

TEST_CASE("records out of order come back in order") {
  Timeline timeline = example_timeline();
  std::swap(timeline.samples[0], timeline.samples[4]);
  const Timeline actual = read_perfetto(trace_of(timeline)).timeline;
  CHECK(std::is_sorted(actual.samples.begin(), actual.samples.end(), [](auto& a, auto& b) { return a.time < b.time; }));
}

}  // namespace fdr
