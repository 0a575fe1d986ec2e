#include "formats/compare/baseline_merge.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kFar_ns = 3'000'000'000'000'000'000;  // 95 years: sums and differences of two do not overflow
constexpr Duration kLongest = std::chrono::hours(1);

// What is added to CLOCK_MONOTONIC to get the wall clock.
std::int64_t offset_of(const ClockAnchor& anchor) { return std::clamp(anchor.realtime_ns, std::int64_t{0}, kFar_ns) - std::clamp(anchor.monotonic_ns, std::int64_t{0}, kFar_ns); }

class Merge {
 public:
  Merge(Bundle& to, const Bundle& from, const std::string& name) : to_(to.timeline), from_(from.timeline), name_(name) {
    const Duration length = from_.end - from_.begin;
    if (length <= Duration{0} || length > kLongest) throw Error("the baseline " + name + " covers no time");
    shift_ = Duration{offset_of(from_.anchor) - offset_of(to_.anchor)};
    // A wall clock that was set back would put it into the window.
    shift_ = std::clamp(shift_, Duration{-2 * kFar_ns}, std::max(Duration{-2 * kFar_ns}, to_.begin - from_.end));
    slice_.begin = from_.begin + shift_;
    slice_.end = from_.end + shift_;
    if (slice_.begin < Timestamp{Duration{-kFar_ns}}) throw Error("the baseline " + name + " is of no time that can be");
  }

  void run(std::string said) {
    slice_.said = std::move(said);
    join_tasks();
    join_stacks();
    move_records();
    join_metrics();
    to_.quiet = slice_;
  }

 private:
  bool inside(Timestamp time) const { return time >= from_.begin && time <= from_.end; }

  // Who is not there any more has ended before the window.
  std::uint32_t add_process(Process process) {
    process.started.reset();
    process.wait_status.reset();
    process.ended = slice_.end;
    process.command_line.clear();
    to_.processes.push_back(std::move(process));
    return static_cast<std::uint32_t>(to_.processes.size() - 1);
  }

  void join_tasks() {
    std::map<std::pair<std::int32_t, std::uint64_t>, std::uint32_t> processes;
    for (std::uint32_t i = 0; i < to_.processes.size(); ++i) processes.try_emplace({to_.processes[i].pid, to_.processes[i].start_boottime_ns}, i);
    for (const Process& process : from_.processes) {
      const auto known = processes.find({process.pid, process.start_boottime_ns});
      processes_.push_back(known == processes.end() ? add_process(process) : known->second);
    }
    std::map<std::pair<std::uint32_t, std::int32_t>, std::uint32_t> threads;
    for (std::uint32_t i = 0; i < to_.threads.size(); ++i) threads.try_emplace({to_.threads[i].process, to_.threads[i].tid}, i);
    for (const Thread& thread : from_.threads) {
      const std::uint32_t process = process_of(thread.process);
      const auto known = threads.find({process, thread.tid});
      threads_.push_back(known == threads.end() ? static_cast<std::uint32_t>(to_.threads.size()) : known->second);
      if (known == threads.end()) to_.threads.push_back({.tid = thread.tid, .process = process, .name = thread.name, .started = {}, .ended = slice_.end, .account = {}});
    }
  }

  std::uint32_t process_of(std::uint32_t index) const { return index < processes_.size() ? processes_[index] : kNoIndex; }
  std::uint32_t thread_of(std::uint32_t index) const { return index < threads_.size() ? threads_[index] : kNoIndex; }

  // An address of the kernel, or of made code, means something within its own boot or process only.
  Module named_apart(Module module) const {
    if (module.kind == ModuleKind::kKernel || module.kind == ModuleKind::kAnonymous) module.path = name_ + " " + module.path;
    return module;
  }

  void join_stacks() {
    std::vector<std::uint32_t> modules, frames, one;
    for (const Module& module : from_.stacks.modules()) modules.push_back(to_.stacks.intern_module(named_apart(module)));
    for (const Frame& frame : from_.stacks.frames()) frames.push_back(to_.stacks.intern_frame(modules.at(frame.module), frame.offset, frame.name));
    for (StackId stack = 0; stack < from_.stacks.stack_count(); ++stack) {
      one.clear();
      for (const std::uint32_t frame : from_.stacks.stack(stack)) one.push_back(frames.at(frame));
      stacks_.push_back(to_.stacks.intern_stack(one));
    }
  }

  StackId stack_of(StackId stack) const { return stack < stacks_.size() ? stacks_[stack] : kNoStack; }

  template <class Record>
  static void put_first(std::vector<Record>& all, std::vector<Record> more) {
    all.insert(all.begin(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  void move(SyscallCall& call) const {
    call.begin += shift_;
    call.thread = thread_of(call.thread);
  }

  void move_records() {
    std::vector<StackSample> samples;
    for (StackSample sample : from_.samples) {
      if (!inside(sample.time)) continue;
      sample.time += shift_;
      sample.thread = thread_of(sample.thread);
      sample.stack = stack_of(sample.stack);
      samples.push_back(sample);
    }
    put_first(to_.samples, std::move(samples));
    for (const auto list : {&Timeline::slow, &Timeline::failed}) {
      std::vector<DetailedCall> calls;
      for (DetailedCall call : from_.*list) {
        if (!inside(call.call.begin)) continue;
        move(call.call);
        call.stack = stack_of(call.stack);
        calls.push_back(std::move(call));
      }
      put_first(to_.*list, std::move(calls));
    }
    std::vector<Stall> stalls;
    for (Stall stall : from_.stalls) {
      if (!inside(stall.begin) || stall.length < Duration{0} || stall.length > from_.end - stall.begin) continue;
      stall.begin += shift_;
      stall.thread = thread_of(stall.thread);
      stall.stack = stack_of(stall.stack);
      stalls.push_back(stall);
    }
    put_first(to_.stalls, std::move(stalls));
    std::vector<SyscallSummary> summary;
    for (SyscallSummary sum : from_.summary) {
      if (!inside(sum.begin)) continue;
      sum.begin += shift_;
      sum.process = process_of(sum.process);
      summary.push_back(sum);
    }
    put_first(to_.summary, std::move(summary));
  }

  // A value that is none between the two: a counter did not run at one rate from then to now.
  void join_metrics() {
    std::map<std::string, std::size_t> known;
    for (std::size_t i = 0; i < to_.metrics.size(); ++i) known.try_emplace(to_.metrics[i].name, i);
    for (const MetricSeries& series : from_.metrics) {
      std::vector<MetricSeries::Point> points;
      for (const MetricSeries::Point& point : series.points)
        if (inside(point.time)) points.push_back({point.time + shift_, point.value});
      points.push_back({slice_.end, std::numeric_limits<double>::quiet_NaN()});
      const auto [entry, fresh] = known.try_emplace(series.name, to_.metrics.size());
      if (fresh) to_.metrics.push_back({series.name, series.unit, series.kind, {}});
      MetricSeries& same = to_.metrics[entry->second];
      if (same.kind == series.kind && same.unit == series.unit) put_first(same.points, std::move(points));
    }
  }

  Timeline& to_;
  const Timeline& from_;
  const std::string& name_;
  Duration shift_{};
  QuietSlice slice_;
  std::vector<std::uint32_t> processes_, threads_;  // indices of `from_` -> of `to_`
  std::vector<StackId> stacks_;
};

// Names of functions that only the baseline met.
void join_names(std::vector<RecordedModule>& to, const std::vector<RecordedModule>& from) {
  std::map<Module, std::size_t> known;
  for (std::size_t i = 0; i < to.size(); ++i) known.try_emplace(to[i].module, i);
  const auto join = [](auto& all, const auto& more) {
    all.insert(all.end(), more.begin(), more.end());
    std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
    all.erase(std::unique(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.offset == b.offset; }), all.end());
  };
  for (const RecordedModule& module : from) {
    const auto [entry, fresh] = known.try_emplace(module.module, to.size());
    if (fresh) {
      to.push_back(module);
      continue;
    }
    ModuleSlice& slice = to[entry->second].slice;
    if (slice.source.empty()) slice.source = module.slice.source;
    join(slice.functions, module.slice.functions);
    join(slice.nameless, module.slice.nameless);
  }
}

}  // namespace

void merge_quiet_slice(Bundle& bundle, const Bundle& slice, const std::string& name, const std::string& said) {
  Merge(bundle, slice, name).run(said);
  join_names(bundle.modules, slice.modules);
}

}  // namespace fdr
