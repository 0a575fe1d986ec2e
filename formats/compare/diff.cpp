#include "formats/compare/diff.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "formats/error.hpp"
#include "formats/figures/calls.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/findings/evidence.hpp"
#include "formats/findings/samples.hpp"
#include "formats/syscall_names.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

// One side: figures by name.
struct Calls {
  double calls = 0, errors = 0, wall_ns = 0;
};
struct Figures {
  double seconds = 0;
  bool sampled = false;  // long enough for shares of a CPU, which are not known otherwise
  std::map<std::vector<std::string>, double> stacks;  // % of a CPU
  std::map<std::string, double> functions, threads;   // % of a CPU
  std::map<std::string, Calls> syscalls;              // a second
  std::map<std::string, double> failed;               // a second
  struct Metric {
    double mean = 0;
    const MetricSeries* series = nullptr;
  };
  std::map<std::string, Metric> metrics;
};

struct Stretch {
  const Evidence& evidence;
  Side side;
  Timestamp from = side == Side::kQuiet ? evidence.quiet_from : evidence.begin, to = side == Side::kQuiet ? evidence.quiet_until : evidence.end;
  bool holds(Timestamp time) const { return time >= from && time < to; }
  double seconds() const { return std::max(1e-3, to_seconds(to - from)); }
};

// Threads of a pool differ in their numbers only.
std::string thread_name(const View& view, std::uint32_t index) {
  const Thread* thread = thread_at(view.timeline, index);
  if (!thread) return "";
  return fmt::format("{} ({})", printable(thread->name), view.labels.process_name(thread->process));
}

Figures measure(const Stretch& stretch) {
  const Evidence& evidence = stretch.evidence;
  const View& view = evidence.view;
  Figures figures;
  figures.seconds = stretch.seconds();
  figures.sampled = evidence.sampled(stretch.side);
  const double one = evidence.of_cpu(1, stretch.side);

  SampleCounts counts;
  for (const StackSample& sample : view.timeline.samples) {
    if (!stretch.holds(sample.time) || !view.wants_thread(sample.thread)) continue;
    ++counts.all;
    if (sample.stack != kNoStack) ++counts.by_stack[sample.stack];
    figures.threads[thread_name(view, sample.thread)] += one;
  }
  for (const auto& [stack, samples] : counts.by_stack) {
    std::vector<std::string> names;
    for (const FunctionId function : view.labels.functions_of(stack)) names.push_back(view.labels.function(function));
    if (!names.empty()) figures.stacks[names] += one * static_cast<double>(samples);
  }
  for (const bool kernel : {false, true})
    for (const auto& [function, samples] : functions_by_total(evidence, counts, kernel))
      figures.functions[view.labels.function(function)] += one * static_cast<double>(samples);

  for (const SyscallSummary& sum : view.timeline.summary) {
    const Timestamp middle = sum.begin + std::clamp(sum.interval, Duration{0}, Duration{10'000'000'000}) / 2;
    if (!stretch.holds(middle) || !view.wants_process(sum.process)) continue;
    Calls& calls = figures.syscalls[syscall_name(sum.number, sum.abi)];
    calls.calls += static_cast<double>(sum.calls) / figures.seconds;
    calls.errors += static_cast<double>(sum.errors) / figures.seconds;
    calls.wall_ns += static_cast<double>(sum.wall.count()) / figures.seconds;
  }
  for (const DetailedCall& detail : view.timeline.failed) {
    const SyscallCall& call = detail.call;
    if (!stretch.holds(call.begin) || call.result >= 0 || call.result < -4095) continue;
    const Thread* thread = thread_at(view.timeline, call.thread);
    figures.failed[fmt::format("{} {} {} failed: {}", view.labels.process_name(thread ? thread->process : kNoIndex),
                               syscall_name(call.number, call.abi), printable(detail.subject),
                               errno_name(static_cast<int>(-call.result)))] += 1 / figures.seconds;
  }
  for (const MetricSeries& series : view.timeline.metrics) {
    double sum = 0, count = 0;
    for (const auto& [time, value] : metric_points(series))
      if (stretch.holds(time)) sum += value, ++count;
    if (count > 0) figures.metrics[printable(series.name)] = {sum / count, &series};
  }
  return figures;
}

// Both sides' keys once, each with its value there or `otherwise`.
template <class Map, class Make>
std::vector<DiffRow> joined(const Map& base, const Map& now, Make make) {
  std::vector<DiffRow> rows;
  for (const auto& [key, value] : base) {
    const auto other = now.find(key);
    rows.push_back(make(key, &value, other == now.end() ? nullptr : &other->second));
  }
  for (const auto& [key, value] : now)
    if (base.find(key) == base.end()) rows.push_back(make(key, nullptr, &value));
  return rows;
}

// What is known on one side only: by its size there.
double moved(const DiffRow& row) {
  if (!std::isnan(row.gain())) return std::abs(row.gain());
  return std::isnan(row.base) ? std::isnan(row.now) ? 0 : std::abs(row.now) : std::abs(row.base);
}

void by_gain(std::vector<DiffRow>& rows) {
  std::stable_sort(rows.begin(), rows.end(), [](const DiffRow& a, const DiffRow& b) { return moved(a) > moved(b); });
}

// Of what is not on a side: none of it.
DiffRow rate_row(std::string name, const double* base, const double* now) {
  DiffRow row;
  row.name = std::move(name);
  row.base = base ? *base : 0;
  row.now = now ? *now : 0;
  row.base_text = per_second(row.base);
  row.now_text = per_second(row.now);
  return row;
}

// How far a metric moved, in its own size: a percentage and a count of bytes do not add up otherwise.
double relative_move(const DiffRow& row) {
  if (std::isnan(row.base) || std::isnan(row.now)) return -1;
  const double size = std::max(std::abs(row.base), std::abs(row.now));
  return size > 0 ? std::abs(row.gain()) / size : 0;
}

std::vector<DiffPart> compare(const Figures& base, const Figures& now) {
  std::vector<DiffPart> parts;
  const auto share_row = [&](std::string name, const double* a, const double* b) {
    DiffRow row = rate_row(std::move(name), a, b);
    if (!base.sampled) row.base = kUnknown;
    if (!now.sampled) row.now = kUnknown;
    row.base_text = base.sampled ? percent(row.base) : "unknown";
    row.now_text = now.sampled ? percent(row.now) : "unknown";
    return row;
  };
  DiffPart stacks{"stacks", "% of a CPU", joined(base.stacks, now.stacks, [&](const auto& stack, const double* a, const double* b) {
                    DiffRow row = share_row(stack.back(), a, b);
                    row.stack = stack;
                    return row;
                  })};
  DiffPart functions{"functions", "% of a CPU", joined(base.functions, now.functions, share_row)};
  DiffPart threads{"threads", "% of a CPU", joined(base.threads, now.threads, share_row)};
  DiffPart syscalls{"syscalls", "calls/s", joined(base.syscalls, now.syscalls, [](const std::string& name, const Calls* a, const Calls* b) {
                      DiffRow row;
                      row.name = name;
                      if (a) row.base = a->calls, row.base_errors = a->errors, row.base_each_ns = a->calls > 0 ? a->wall_ns / a->calls : 0;
                      if (b) row.now = b->calls, row.now_errors = b->errors, row.now_each_ns = b->calls > 0 ? b->wall_ns / b->calls : 0;
                      row.base_text = per_second(row.base);
                      row.now_text = per_second(row.now);
                      return row;
                    })};
  DiffPart failed{"failed", "calls/s", joined(base.failed, now.failed, rate_row)};
  DiffPart metrics{"metrics", "mean", joined(base.metrics, now.metrics, [](const std::string& name, const Figures::Metric* a, const Figures::Metric* b) {
                     DiffRow row;
                     row.name = name;
                     row.base = a ? a->mean : kUnknown;
                     row.now = b ? b->mean : kUnknown;
                     row.base_text = a ? metric_text(a->mean, *a->series) : "unknown";
                     row.now_text = b ? metric_text(b->mean, *b->series) : "unknown";
                     return row;
                   })};
  for (DiffPart* part : {&stacks, &functions, &threads, &syscalls, &failed}) by_gain(part->rows);
  std::stable_sort(metrics.rows.begin(), metrics.rows.end(), [](const DiffRow& a, const DiffRow& b) { return relative_move(a) > relative_move(b); });
  for (DiffPart* part : {&functions, &stacks, &threads, &syscalls, &failed, &metrics}) parts.push_back(std::move(*part));
  return parts;
}

std::string described(const Stretch& stretch, const char* what) {
  const View& view = stretch.evidence.view;
  std::string text = fmt::format("{} of {}: {:.1f} s from {} to {}", what, printable(view.manifest.host.name), to_seconds(stretch.to - stretch.from),
                                 view.utc(stretch.from).substr(11), view.utc(stretch.to).substr(11));
  const double sampled_s = stretch.evidence.sampled_seconds(stretch.side);
  if (sampled_s < 0.97 * stretch.seconds()) text += fmt::format(", {:.1f} s of it with stacks", sampled_s);
  return text;
}

Onset onset_of(const DiffInput& input, std::string_view given) {
  return given.empty() ? find_onset(input.bundle.manifest, input.bundle.timeline) : given_onset(given, input.bundle.manifest, input.bundle.timeline);
}

}  // namespace

Difference diff_within(const DiffInput& input, std::string_view given) {
  const Onset onset = onset_of(input, given);
  const auto& slice = input.bundle.timeline.quiet;
  if (!onset.known && !slice) throw Error("the onset is unknown, so there is no quiet part to compare with: " + onset.how, "fdr diff --within --onset -10 BUNDLE");
  const View view(input.bundle.manifest, input.bundle.timeline, input.names);
  const Evidence evidence(view, onset, {});
  if (!evidence.has_quiet) throw Error(fmt::format("only {:.1f} s before the onset were recorded: nothing to compare with", evidence.quiet_s), "fdr diff BASE BUNDLE, with a bundle of a quiet time");
  const Stretch quiet{evidence, Side::kQuiet}, incident{evidence, Side::kIncident};
  Difference difference;
  difference.base = slice ? fmt::format("{}: {:.1f} s", printable(slice->said), evidence.quiet_s) : described(quiet, "quiet part");
  difference.now = described(incident, onset.known ? "incident" : "window");
  difference.base_s = evidence.quiet_s;
  difference.now_s = evidence.incident_s;
  difference.parts = compare(measure(quiet), measure(incident));
  return difference;
}

Difference diff_bundles(const DiffInput& base, const DiffInput& now, std::string_view given) {
  const View base_view(base.bundle.manifest, base.bundle.timeline, base.names), now_view(now.bundle.manifest, now.bundle.timeline, now.names);
  const Onset none, onset = onset_of(now, given);
  const Evidence base_evidence(base_view, none, {}), now_evidence(now_view, onset, {});
  const Stretch whole{base_evidence, Side::kIncident}, incident{now_evidence, Side::kIncident};  // the base has no onset: all of it
  Difference difference;
  difference.base = described(whole, "window");
  difference.now = described(incident, onset.known ? "incident" : "window");
  difference.base_s = base_evidence.incident_s;
  difference.now_s = now_evidence.incident_s;
  difference.parts = compare(measure(whole), measure(incident));
  return difference;
}

}  // namespace fdr
