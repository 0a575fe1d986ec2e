#include "recorder/baselines/quiet_slice.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <vector>

namespace fdr {
namespace {

constexpr int kParts = 10;

class Slice {
 public:
  Slice(const Timeline& all, Timestamp begin, Timestamp end) : all_(all), begin_(begin), end_(end), part_((end - begin) / kParts) {
    out_.machine = all.machine;
    out_.kernel = all.kernel;
    out_.cpus = all.cpus;
    out_.anchor = all.anchor;
    out_.begin = begin;
    out_.end = end;
  }

  Timeline made() {
    for (std::uint32_t i = 0; i < all_.processes.size(); ++i)
      if (!all_.processes[i].target.empty() && !all_.processes[i].ended) process(i);  // also of who did nothing
    samples();
    stalls();
    calls(all_.slow, out_.slow);
    calls(all_.failed, out_.failed);
    sums();
    metrics();
    return std::move(out_);
  }

 private:
  bool inside(Timestamp time) const { return time >= begin_ && time < end_; }
  Timestamp rounded(Timestamp time) const { return part_ > Duration{0} ? begin_ + (time - begin_) / part_ * part_ : time; }

  std::uint32_t process(std::uint32_t index) {
    if (index >= all_.processes.size()) return kNoIndex;
    const auto [entry, fresh] = processes_.try_emplace(index, static_cast<std::uint32_t>(out_.processes.size()));
    if (fresh) {
      Process kept = all_.processes[index];
      kept.command_line.clear();
      kept.started.reset();  // what began or ended is an event
      kept.ended.reset();
      kept.wait_status.reset();
      out_.processes.push_back(std::move(kept));
    }
    return entry->second;
  }

  std::uint32_t thread(std::uint32_t index) {
    if (index >= all_.threads.size()) return kNoIndex;
    const auto [entry, fresh] = threads_.try_emplace(index, static_cast<std::uint32_t>(out_.threads.size()));
    if (fresh) {
      const Thread& kept = all_.threads[index];
      out_.threads.push_back({.tid = kept.tid, .process = process(kept.process), .name = kept.name, .started = {}, .ended = {}, .account = {}});
    }
    return entry->second;
  }

  StackId stack(StackId id) {
    if (id >= all_.stacks.stack_count()) return kNoStack;
    const auto [entry, fresh] = stacks_.try_emplace(id, kNoStack);
    if (!fresh) return entry->second;
    std::vector<std::uint32_t> frames;
    for (const std::uint32_t index : all_.stacks.stack(id)) {
      const Frame& frame = all_.stacks.frames()[index];
      frames.push_back(out_.stacks.intern_frame(out_.stacks.intern_module(all_.stacks.modules()[frame.module]), frame.offset, frame.name));
    }
    return entry->second = out_.stacks.intern_stack(frames);
  }

  void samples() {
    for (const StackSample& sample : all_.samples)
      if (inside(sample.time))
        out_.samples.push_back({.time = rounded(sample.time), .thread = thread(sample.thread), .cpu = 0, .in_kernel = sample.in_kernel, .stack = stack(sample.stack), .end = sample.end});
    std::stable_sort(out_.samples.begin(), out_.samples.end(), [](const StackSample& a, const StackSample& b) {
      return std::tie(a.time, a.thread, a.stack, a.in_kernel, a.end) < std::tie(b.time, b.thread, b.stack, b.in_kernel, b.end);
    });
  }

  // One that is still open may become what a later time is compared for: it is not known how long it is.
  void stalls() {
    for (Stall stall : all_.stalls) {
      if (!inside(stall.begin) || stall.begin + stall.length > end_ || stall.kind == StallKind::kWait || stall.open) continue;
      stall.thread = thread(stall.thread);
      stall.stack = kNoStack;
      out_.stalls.push_back(stall);
    }
  }

  void calls(const std::vector<DetailedCall>& from, std::vector<DetailedCall>& to) {
    for (DetailedCall detail : from) {
      if (!inside(detail.call.begin)) continue;
      detail.call.begin = rounded(detail.call.begin);
      detail.call.thread = thread(detail.call.thread);
      detail.call.argument = 0;
      detail.call.cpu_id = 0;
      detail.arguments = {};
      detail.stack = kNoStack;
      to.push_back(std::move(detail));
    }
    std::stable_sort(to.begin(), to.end(), [](const DetailedCall& a, const DetailedCall& b) { return a.call.begin < b.call.begin; });
  }

  void sums() {
    std::map<std::tuple<std::uint32_t, std::uint16_t, SyscallAbi>, SyscallSummary> together;
    for (const SyscallSummary& sum : all_.summary) {
      if (!inside(sum.begin + sum.interval / 2)) continue;
      SyscallSummary& all = together[{process(sum.process), sum.number, sum.abi}];
      all.calls += sum.calls, all.errors += sum.errors;
      all.wall += sum.wall, all.cpu += sum.cpu;
      all.max = std::max(all.max, sum.max);
      for (std::size_t i = 0; i < all.histogram.size(); ++i)
        all.histogram[i] = static_cast<std::uint32_t>(std::min<std::uint64_t>(std::uint64_t{all.histogram[i]} + sum.histogram[i], UINT32_MAX));
    }
    for (auto& [key, sum] : together) {
      sum.begin = begin_;
      sum.interval = end_ - begin_;
      std::tie(sum.process, sum.number, sum.abi) = key;
      out_.summary.push_back(sum);
    }
  }

  // Of a gauge the mean of each tenth, of a counter where it stood at its end, and at first.
  void metrics() {
    for (const MetricSeries& series : all_.metrics) {
      MetricSeries kept{series.name, series.unit, series.kind, {}};
      const bool counter = series.kind == MetricKind::kCounter;
      double sum = 0, count = 0;
      Timestamp last{};
      const auto flush = [&] {
        if (count > 0) kept.points.push_back({counter ? last : rounded(last) + part_ / 2, counter ? sum : sum / count});
        sum = count = 0;
      };
      for (const MetricSeries::Point& point : series.points) {
        if (!inside(point.time) || !std::isfinite(point.value)) continue;
        if (count > 0 && rounded(point.time) != rounded(last)) flush();
        sum = counter ? point.value : sum + point.value;
        ++count;
        last = point.time;
        if (counter && kept.points.empty()) flush();
      }
      flush();
      if (!kept.points.empty()) out_.metrics.push_back(std::move(kept));
    }
  }

  const Timeline& all_;
  const Timestamp begin_, end_;
  const Duration part_;
  Timeline out_;
  std::map<std::uint32_t, std::uint32_t> processes_, threads_;
  std::map<StackId, StackId> stacks_;
};

// From when on there are at most so many.
template <class Record, class Time>
Timestamp within(const std::vector<Record>& records, std::size_t most, Timestamp begin, Timestamp end, Time time_of) {
  std::vector<Timestamp> times;
  for (const Record& record : records)
    if (const Timestamp time = time_of(record); time >= begin && time < end) times.push_back(time);
  if (times.size() <= most) return begin;
  const auto first = times.end() - static_cast<std::ptrdiff_t>(most);
  std::nth_element(times.begin(), first, times.end());
  return *first;
}

}  // namespace

Timestamp slice_begin(const Timeline& all, Timestamp begin, Timestamp end) {
  const auto of_call = [](const DetailedCall& detail) { return detail.call.begin; };
  return std::max({within(all.samples, kMostSliceSamples, begin, end, [](const StackSample& s) { return s.time; }),
                   within(all.stalls, kMostSliceStalls, begin, end, [begin](const Stall& s) { return s.kind == StallKind::kWait ? begin - Duration{1} : s.begin; }),
                   within(all.slow, kMostSliceCalls, begin, end, of_call), within(all.failed, kMostSliceCalls, begin, end, of_call)});
}

Timeline quiet_slice(const Timeline& all, Timestamp begin, Timestamp end) { return Slice(all, begin, end).made(); }

}  // namespace fdr
