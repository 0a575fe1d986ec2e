#include "recorder/saved/thin_samples.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "recorder/decode/decoder.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/window/snapshot.hpp"
#include "tests/unit/recorder/window_fixture.hpp"

using namespace fdr;
using namespace fdr::test;

namespace {

constexpr std::uint64_t kKernel = 0xffffffff81000000, kModule = 0xffffffffc0001000;

ByteCursor cursor_of(const std::string& text) { return ByteCursor({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}); }

// A window with `count` samples of one thread, a tenth of a millisecond apart.
struct Samples {
  explicit Samples(int count) : window(MemoryWindow::small()) {
    StackData stack;
    stack.kernel = {kKernel + 0x10, kModule};
    stack.user = {0x1000, 0x2000};
    fdr_thread& thread = window.thread(3);
    thread.id = thread_id(1, 3);
    thread.tid = thread.tgid = 77;
    std::strcpy(thread.comm, "worker");
    for (int i = 0; i < count; ++i) add(stack);
  }
  void add(const StackData& stack) { window.write(FDR_STACKS, 0, now, sample_record(now, thread_id(1, 3), stack)), now += 100'000; }

  MemoryWindow window;
  std::uint64_t now = 1'000'000;
};

ThinSamples read_back(const SamplePicker::Slice& slice) {
  ThinSamples samples;
  ByteCursor records = cursor_of(slice.samples), threads = cursor_of(slice.threads);
  samples.read_threads(threads);
  samples.read_records(records);
  return samples;
}

}  // namespace

TEST_CASE("thin samples: where the kernel begins") {
  CHECK(kernel_begin("0000000000000000 A fixed_percpu_data\nffffffff81000000 T _stext\nffffffff81000000 T _text\n") == kKernel);
  CHECK(kernel_begin("0000000000000000 T _stext\n") == 0);  // hidden
  CHECK(kernel_begin("ffffffff81000000 T _stexts\nxyz") == 0);
  CHECK(kernel_begin("") == 0);
}

TEST_CASE("thin samples: a few, evenly, of those since the last time; their thread once, and again under another name") {
  Samples taken(1000);
  SamplePicker picker;
  const SamplePicker::Slice first = picker.pick(taken.window.view());
  CHECK(first.samples.size() <= SamplePicker::kMostBytes + 16);
  const ThinSamples read = read_back(first);
  CHECK(read.seen == 1000);
  CHECK(read.kept > 30);
  CHECK(read.kept <= SamplePicker::kMost);
  REQUIRE(read.threads.size() == 1);
  CHECK(read.threads.begin()->second.tid == 77);
  // The first and the last are far apart: not the newest alone.
  const Snapshot snapshot = Snapshot::of_stacks(read.by_cpu);
  const RingCopy& ring = snapshot.ring(FDR_STACKS);
  REQUIRE(ring.chunks.size() == 1);
  CHECK(ring.chunks[0].cpu == 100);
  fdr_record head;
  std::memcpy(&head, ring.chunks[0].body.data(), sizeof head);
  CHECK(head.ns < 1'000'000 + 20 * 100'000);

  CHECK(picker.pick(taken.window.view()).samples.empty());
  taken.add({});
  const SamplePicker::Slice second = picker.pick(taken.window.view());
  CHECK(read_back(second).seen == 1);
  CHECK(second.threads.empty());
  std::strcpy(taken.window.thread(3).comm, "renamed");
  taken.add({});
  CHECK_FALSE(picker.pick(taken.window.view()).threads.empty());
  picker.begin_anew();
  taken.add({});
  CHECK_FALSE(picker.pick(taken.window.view()).threads.empty());
}

TEST_CASE("thin samples: what takes too much room is left out, and counted") {
  Samples taken(0);
  StackData copied;
  copied.bytes.resize(8000);
  for (int i = 0; i < 5; ++i) taken.add(copied);
  taken.add({});
  SamplePicker picker;
  const ThinSamples read = read_back(picker.pick(taken.window.view()));
  CHECK(read.seen == 6);
  CHECK(read.kept == 1);
}

TEST_CASE("thin samples: kernel frames move with the kernel; those of modules go") {
  Samples taken(1);
  SamplePicker picker;
  ThinSamples read = read_back(picker.pick(taken.window.view()));
  const std::string payload = kernel_payload("6.1.0", kKernel);
  ByteCursor kernel = cursor_of(payload);
  read.read_kernel(kernel);
  CHECK(read.release == "6.1.0");
  const auto frames = [&] {
    const std::string& record = read.by_cpu.begin()->second;
    fdr_sample sample;
    std::memcpy(&sample, record.data(), sizeof sample);
    CHECK(sample.head.len8 * 8u == record.size());
    std::vector<std::uint64_t> all(sample.stack.kernel_frames + std::size_t{sample.stack.user_frames});
    std::memcpy(all.data(), record.data() + sizeof sample, 8 * all.size());
    return all;
  };
  read.move_kernel(kKernel + 0x2000000);
  CHECK(frames() == std::vector<std::uint64_t>{kKernel + 0x2000010, 0x1000, 0x2000});
  read.move_kernel(0);
  CHECK(frames() == std::vector<std::uint64_t>{0x1000, 0x2000});
}

TEST_CASE("thin samples: any byte may be anything") {
  Samples taken(20);
  SamplePicker picker;
  const SamplePicker::Slice slice = picker.pick(taken.window.view());
  std::mt19937 chance(7);
  for (int round = 0; round < 3000; ++round) {
    SamplePicker::Slice damaged = slice;
    for (std::string* text : {&damaged.samples, &damaged.threads}) {
      if (round % 3 == 0) text->resize(chance() % (text->size() + 1));
      for (unsigned i = 0; i < 1 + chance() % 4 && !text->empty(); ++i) (*text)[chance() % std::min<std::size_t>(text->size(), 200)] = static_cast<char>(chance());
    }
    ThinSamples read = read_back(damaged);
    read.kernel_begin = kKernel;
    read.move_kernel(kKernel + 0x1000);
    const Snapshot snapshot = Snapshot::of_stacks(read.by_cpu);
    CHECK(read.kept <= 20);
    for (const ChunkCopy& chunk : snapshot.ring(FDR_STACKS).chunks) CHECK(chunk.body.size() <= 64u * 1024);
  }
}

TEST_CASE("slices: cut at any byte, what comes before the cut is there") {
  Samples taken(50);
  SamplePicker picker;
  const auto record = [](StateKind kind, const std::string& payload) { return state_record(static_cast<std::uint32_t>(kind), payload); };
  MetricRows rows;
  std::string journal = record(StateKind::kKernel, kernel_payload("6.1.0", kKernel));
  std::vector<std::size_t> ends;  // of what brings a further second
  for (int second = 1; second <= 6; ++second) {
    const double value[] = {1.5 * second, 7};
    journal += record(StateKind::kMetrics, rows.payload(Timestamp{std::chrono::seconds(second)}, value));
    ends.push_back(journal.size());
    if (second == 3) {
      const SamplePicker::Slice slice = picker.pick(taken.window.view());
      journal += record(StateKind::kThreads, slice.threads) + record(StateKind::kSamples, slice.samples);
    }
  }
  const std::string directory = "/tmp/fdr-slices-" + std::to_string(::getpid());
  ::mkdir(directory.c_str(), 0700);
  SavedFacts facts;
  facts.boot_id = "another";
  facts.clock_period_ns = 10'000'000;
  facts.metrics = {{"a", Unit::kNone, MetricKind::kGauge}, {"b", Unit::kNone, MetricKind::kGauge}};
  REQUIRE(replace_state(directory + "/" + kFactsFile, static_cast<std::uint32_t>(StateKind::kFacts), facts_payload(facts)));
  for (std::size_t cut = 0; cut <= journal.size(); ++cut) {
    const FileDescriptor file = create_state(directory + "/" + kJournalFile);
    REQUIRE(write_state(file.get(), std::string_view(journal).substr(0, cut)));
    const auto saved = read_saved_window(directory);
    REQUIRE(saved);
    const auto whole = std::count_if(ends.begin(), ends.end(), [&](std::size_t end) { return end <= cut; });
    CHECK(saved->metrics_end == Timestamp{std::chrono::seconds(whole)});
    if (cut == journal.size()) {
      CHECK(saved->samples.seen == 50);
      CHECK(saved->samples.kept > 0);
      REQUIRE(saved->metrics.size() == 2);
      CHECK(saved->metrics[0].points.back().value == 9);
    }
  }
  remove_saved_window(directory);
  CHECK(::rmdir(directory.c_str()) == 0);
}
