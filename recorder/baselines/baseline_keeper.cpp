#include "recorder/baselines/baseline_keeper.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/compare/baseline.hpp"
#include "formats/text.hpp"
#include "recorder/baselines/baseline_store.hpp"
#include "recorder/bundles/dump_manifest.hpp"
#include "recorder/cost/self_cost.hpp"

namespace fdr {

BaselineKeeper::BaselineKeeper(const Config& config, std::string name, std::string mode)
    : config_(config), name_(std::move(name)), mode_(std::move(mode)), schedule_(config.baseline.every, std::min(config.baseline.span, config.span)) {}

void BaselineKeeper::begin(const BaselineSchedule::Due& due, const Recording& recording, const MetricReader& metrics) {
  const Duration before = thread_cpu_time();
  const DumpTrigger trigger{.name = std::string(kBaselineTrigger), .when = {}, .value_text = {}, .evidence = due.note, .value = 0, .time = due.end};
  BaselineInput input{.directory = baseline_directory(config_, name_),
                      .kind = due.kind,
                      .keep_free_percent = config_.keep_free_percent,
                      .manifest = manifest_for(config_, {.mode = mode_, .command = {}, .pids = live_pids(recording.processes())}, trigger, *recording.window().control),
                      .begin = due.begin,
                      .recent = recording.copy_recent(due.begin),
                      .moment = recording.copy_moment(due.end),
                      .summary = {},
                      .metrics = {}};
  input.manifest.config = fmt::format("[sample]\nfrequency = {}\n", config_.frequency);  // what its samples mean
  for (const int ring : {FDR_STACKS, FDR_STALLS, FDR_SLOW, FDR_FAILED}) input.begin = std::max(input.begin, from_ns(input.recent.ring(ring).covers_since_ns));
  for (const SummaryRow& row : recording.summary().rows())
    if (row.begin >= input.begin && row.begin < due.end) input.summary.push_back(row);
  input.metrics = metrics.series(input.begin);
  cut_ = std::make_unique<BaselineCut>(std::move(input));
  copying_ = thread_cpu_time() - before;
}

void BaselineKeeper::advance(const Recording& recording, const MetricReader& metrics, bool calm, Timestamp now) {
  if (!config_.baseline.enabled) return;
  if (cut_ && cut_->done()) {
    const BaselineResult& result = cut_->result();
    if (result.path.empty() && problem_.empty()) problem_ = "a baseline could not be cut: " + result.error;
    if (!result.path.empty()) ++cut_count_, last_ = result;
    cut_.reset();
  }
  const auto due = schedule_.advance(calm, cut_ != nullptr, now);
  if (!due) return;
  try {
    begin(*due, recording, metrics);
  } catch (const std::exception& error) {  // no thread, no memory: without a baseline the recording goes on
    if (problem_.empty()) problem_ = std::string("a baseline could not be cut: ") + error.what();
  }
}

std::string BaselineKeeper::mark(const std::string& text, Timestamp now) {
  if (!config_.baseline.enabled) return "no baseline is cut: baseline.enabled is false";
  return schedule_.mark(text, now) ? "a baseline of the time before it is cut" : "no baseline is cut: a rule holds, a bundle is being written, or it has just begun";
}

std::optional<std::string> BaselineKeeper::problem() {
  if (problem_.empty() || problem_told_) return std::nullopt;
  problem_told_ = true;
  return problem_;
}

void BaselineKeeper::write_status(JsonWriter& json) const {
  const auto said = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(printable(text)); };
  json.field("cut", cut_count_);
  json.field("last", said(last_.path.substr(last_.path.rfind('/') + 1)));
  json.field("last_bytes", last_.bytes);
  json.field("last_cpu_ms", 1e3 * last_.cpu_seconds);
  json.field("last_copy_ms", 1e3 * to_seconds(copying_));
  json.field("problem", said(problem_));
}

}  // namespace fdr
