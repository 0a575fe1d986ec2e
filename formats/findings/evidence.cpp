#include "formats/findings/evidence.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "formats/duration_sum.hpp"
#include "formats/figures/covered.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/findings/sampling.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kQuietLeast_s = 1.0;
constexpr double kSampledLeast_s = 1.0;

}  // namespace

const char* verdict_name(Verdict verdict) {
  return verdict == Verdict::kFor ? "for" : verdict == Verdict::kAgainst ? "against" : "not-measurable";
}

bool is_named(const std::string& function) { return function.find("+0x") == std::string::npos; }

std::string percent(double value) { return fmt::format("{:.{}f} %", value, std::abs(value) < 9.95 ? 1 : 0); }

std::string per_second(double rate) {
  if (rate >= 100 && rate < 1e15) return count_text(static_cast<std::uint64_t>(rate)) + "/s";
  return fmt::format("{:.1f}/s", rate);
}

std::string innermost(const Evidence& evidence, const std::vector<FunctionId>& frames, std::size_t count) {
  std::string text;
  const FunctionId* last = nullptr;
  for (std::size_t i = frames.size(); i-- > 0 && count > 0;) {
    if (last && *last == frames[i]) continue;  // recursion says nothing twice
    last = &frames[i];
    text += (text.empty() ? "" : " < ") + cut(evidence.name(frames[i]), 60);
    --count;
  }
  return text;
}

std::string Change::text(double value) const { return series ? metric_text(value, *series) : "unknown"; }

std::string Change::moved() const {
  if (!known) return "unknown";
  return compared ? fmt::format("{} before, {} since", text(quiet), text(incident)) : text(incident);
}

Evidence::Evidence(const View& v, const Onset& o, BundleText text)
    : view(v), onset(o), alarmed(!v.manifest.trigger.when.empty() && !v.manifest.trigger.drill), text_(std::move(text)) {
  // What is no rule says so in its name: a dump that was asked for accuses nobody.
  for (const char* asked : {"manual", "exit", "mark", "now", "drill", "recorder-died", "host-died", "baseline"})
    if (view.manifest.trigger.name == asked) alarmed = false;
  by_baseline = view.timeline.quiet.has_value();
  begin = onset.known ? std::clamp(onset.time, view.from(), view.to()) : view.from();
  end = onset.known ? std::clamp(onset.until, begin, view.to()) : view.to();
  quiet_from = by_baseline ? view.timeline.quiet->begin : view.from();
  quiet_until = by_baseline ? std::min(view.timeline.quiet->end, begin) : begin;
  quiet_s = std::max(0.0, to_seconds(quiet_until - quiet_from));
  incident_s = std::max(1e-3, to_seconds(end - begin));
  has_quiet = (onset.known || by_baseline) && quiet_s >= kQuietLeast_s;
  sampled_hz = sampling_frequency(view.manifest);
  if (text_) go_ = go_reports(view.manifest, text_);

  // Where calls were not looked at for a part of the window, their number says nothing: none is better than too few.
  for (const auto& [time, spared] : points("recorder.calls_spared"))
    if (spared > 0) return;
  for (const SyscallSummary& sum : view.timeline.summary) {
    if (!view.wants_process(sum.process)) continue;
    // Kept by the second: an interval belongs to the side of its middle.
    const Side where = side(sum.begin + std::clamp(sum.interval, Duration{0}, Duration{10'000'000'000}) / 2);
    if (where == Side::kNeither) continue;
    CallChange& change = calls_[syscall_name(sum.number, sum.abi)];
    if (where == Side::kQuiet) {
      change.quiet += sum.calls, change.quiet_errors += sum.errors;
      add_up(change.quiet_wall, sum.wall), add_up(change.quiet_cpu, sum.cpu);
    } else if (where == Side::kIncident) {
      change.incident += sum.calls, change.incident_errors += sum.errors;
      add_up(change.incident_wall, sum.wall), add_up(change.incident_cpu, sum.cpu);
      change.incident_max = std::max(change.incident_max, sum.max);
    }
  }
}

Side Evidence::side(Timestamp time) const {
  if (time < quiet_from || time > end) return Side::kNeither;
  if (time >= begin) return Side::kIncident;
  return time < quiet_until ? Side::kQuiet : Side::kNeither;
}

Side Evidence::side(Timestamp from, Duration length) const {
  if (within_incident(from, length) > Duration{0}) return Side::kIncident;
  return side(from);
}

// A baseline lies before the window, and has samples for all of its length.
double Evidence::sampled_seconds(Side side) const {
  if (side == Side::kIncident) return fdr::sampled_seconds(view, begin, end);
  return by_baseline ? quiet_s : fdr::sampled_seconds(view, quiet_from, quiet_until);
}

// A side that is shorter than that has to be sampled whole.
bool Evidence::sampled(Side side) const {
  const double whole_s = side == Side::kIncident ? incident_s : quiet_s, sampled_s = sampled_seconds(side);
  return sampled_s > 0 && sampled_s >= std::min(kSampledLeast_s, 0.97 * whole_s);
}

double Evidence::of_cpu(std::uint64_t samples, Side side) const {
  const double seconds = sampled_seconds(side);
  return seconds > 0 ? 100.0 * static_cast<double>(samples) / sampled_hz / seconds : 0;
}

Duration Evidence::within_incident(Timestamp from, Duration length) const {
  if (from > end || length <= Duration{0}) return Duration{0};
  const Timestamp last = length > end - from ? end : from + length;
  return std::max(Duration{0}, last - std::max(from, begin));
}

const MetricSeries* Evidence::series_of(std::string_view metric) const {
  for (const MetricSeries& series : view.timeline.metrics)
    if (series.name == metric) return &series;
  return nullptr;
}

Change Evidence::change(std::string_view metric) const {
  const MetricSeries* series = series_of(metric);
  return series ? change_of(*series) : Change{};
}

Change Evidence::change_of(const MetricSeries& series) const {
  Change change;
  change.series = &series;
  double quiet_count = 0, count = 0;
  for (const auto& [time, value] : metric_points(series)) {
    const Side where = side(time);
    if (where == Side::kQuiet) {
      if (quiet_count == 0) change.quiet_first = value;
      change.quiet_last = value;
      change.quiet += value, ++quiet_count;
    } else if (where == Side::kIncident) {
      if (count == 0) change.first = change.least = change.most = value;
      change.last = value;
      change.least = std::min(change.least, value);
      change.most = std::max(change.most, value);
      change.incident += value, ++count;
    }
  }
  change.known = count > 0;
  change.compared = change.known && quiet_count > 0 && has_quiet;
  if (count > 0) change.incident /= count;
  if (quiet_count > 0) change.quiet /= quiet_count;
  return change;
}

std::vector<const MetricSeries*> Evidence::metrics_like(std::string_view prefix, std::string_view suffix) const {
  std::vector<const MetricSeries*> found;
  for (const MetricSeries& series : view.timeline.metrics)
    if (series.name.starts_with(prefix) && series.name.ends_with(suffix)) found.push_back(&series);
  return found;
}

MetricPoints Evidence::points(std::string_view metric) const {
  const MetricSeries* series = series_of(metric);
  MetricPoints points = series ? metric_points(*series) : MetricPoints{};
  std::erase_if(points, [&](const auto& point) { return !view.in_range(point.first); });
  return points;
}

MetricPoints Evidence::compared_points(std::string_view metric) const {
  const MetricSeries* series = series_of(metric);
  MetricPoints points = series ? metric_points(*series) : MetricPoints{};
  std::erase_if(points, [&](const auto& point) { return side(point.first) == Side::kNeither; });
  return points;
}

CallChange& CallChange::operator+=(const CallChange& more) {
  quiet += more.quiet, incident += more.incident;
  quiet_errors += more.quiet_errors, incident_errors += more.incident_errors;
  add_up(quiet_wall, more.quiet_wall), add_up(incident_wall, more.incident_wall);
  add_up(quiet_cpu, more.quiet_cpu), add_up(incident_cpu, more.incident_cpu);
  incident_max = std::max(incident_max, more.incident_max);
  return *this;
}

CallChange Evidence::all_calls() const {
  CallChange all;
  for (const auto& [name, one] : calls_) all += one;
  return all;
}

CallChange Evidence::calls_named(std::initializer_list<std::string_view> names) const {
  CallChange all;
  for (const auto& [name, one] : calls_)
    if (std::find(names.begin(), names.end(), name) != names.end()) all += one;
  return all;
}

const Evidence::Frames& Evidence::frames(StackId stack) const {
  const auto [entry, fresh] = frames_.try_emplace(stack);
  if (fresh) {
    entry->second.user = view.labels.functions_of(stack, Labels::Part::kUser);
    entry->second.kernel = view.labels.functions_of(stack, Labels::Part::kKernel);
  }
  return entry->second;
}

const std::vector<FunctionId>& Evidence::user_frames(StackId stack) const { return frames(stack).user; }
const std::vector<FunctionId>& Evidence::kernel_frames(StackId stack) const { return frames(stack).kernel; }

std::string Evidence::process_part(std::int32_t pid, std::string_view name) const {
  return text(fmt::format("process/{}/at/{}", pid, name));
}

}  // namespace fdr
