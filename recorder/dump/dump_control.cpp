#include "recorder/dump/dump_control.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "formats/text.hpp"
#include "recorder/baselines/baseline_store.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/dump/dump_rungs.hpp"
#include "recorder/system/clock_step.hpp"
#include "recorder/system/disk_room.hpp"
#include "recorder/targets/containers.hpp"

namespace fdr {
namespace {

constexpr Duration kTextAge = std::chrono::seconds(5);
constexpr Duration kSocketPatience = std::chrono::milliseconds(200);  // the tick waits; past it the list of the last second must do
// A second look at the sockets is worth it where this long has passed since the first; it is asked for so long before it is wanted.
constexpr Duration kSecondLook = std::chrono::seconds(1), kLookTakes = std::chrono::milliseconds(300);
constexpr Duration kAnchorEvery = std::chrono::minutes(1);

std::vector<std::string> losses_of(const Recording& recording, const MetricReader& metrics, Timestamp begin, Timestamp now) {
  std::vector<std::string> losses = recording.notes();
  if (const CpuBudget* budget = recording.economy().budget())
    for (std::string& lowered : lowered_texts(recording.economy().lowered(begin, now), budget->most())) losses.push_back(std::move(lowered));
  const std::vector<std::string> counted = program_losses(*recording.window().control);
  losses.insert(losses.end(), counted.begin(), counted.end());
  const std::vector<std::string> crowded = table_losses(recording.processes());
  losses.insert(losses.end(), crowded.begin(), crowded.end());
  if (const std::uint64_t misses = recording.source().recursion_misses())
    losses.push_back(std::to_string(misses) + " runs of our programs were refused by the kernel (recursion)");
  for (std::string& note : metrics.notes()) losses.push_back(std::move(note));
  return losses;
}

}  // namespace

struct DumpControl::Dump {
  DumpTrigger trigger;
  Timestamp begin;        // of the window
  ClockAnchor clock;      // of the manifest
  bool temporary = false;
  bool completed = false; // the second snapshot was taken
  bool looked_again = false;
  WindowMark mark;
  Coverage first, second;
  TextFiles texts;
  Collecting collecting;
  std::vector<LogCopy> logs;  // at the firing
  std::vector<FileDescriptor> askers;
  std::atomic<bool> done = false;
  DumpResult failed;          // of a dump without a dumper
  std::unique_ptr<Dumper> dumper;  // last: its thread refers to the rest
};

DumpControl::DumpControl(const Config& config, std::string name, std::string mode, std::vector<std::string> command, int wake, SocketMetrics& sockets, const LogFollower& logs, std::string doctor)
    : config_(config), name_(std::move(name)), mode_(std::move(mode)), command_(std::move(command)), wake_(wake), sockets_(sockets), logs_(logs), collectors_(config.collectors), doctor_(std::move(doctor)) {}
DumpControl::~DumpControl() = default;

void DumpControl::keep_text(const Recording& recording, Timestamp now) {
  if (!kept_sockets_) kept_sockets_ = sockets_.newest();  // the first list comes a tick or two later
  if (kept_at_ != Timestamp{} && now - kept_at_ < kTextAge) return;
  kept_.clear();
  kept_["doctor.json"] = doctor_;
  take_system_text("before", kept_);
  take_process_text("before", live_pids(recording.processes()), kept_);
  kept_sockets_ = sockets_.newest();
  kept_at_ = now;
}

std::optional<Duration> DumpControl::add_anchor(Timestamp now) {
  const ClockAnchor clock = ClockAnchor::now();
  const auto step = anchored_at_ == Timestamp{} ? std::nullopt : clock_step(clock_, clock);
  clock_ = clock;
  if (anchored_at_ != Timestamp{} && now - anchored_at_ < kAnchorEvery && !step) return step;
  anchors_.push_back(clock);
  if (anchors_.size() > 64) anchors_.erase(anchors_.begin());
  anchored_at_ = now;
  return step;
}

void DumpControl::begin(Recording& recording, const DumpTrigger& trigger, const std::string& temporary_directory) {
  if (temporary_directory.empty()) check_keep_free(config_.directory, config_.keep_free_percent);
  auto dump = std::make_unique<Dump>();
  dump->trigger = trigger;
  if (!trigger.episode.id.empty()) dump->trigger.episodes.push_back(trigger.episode.id);
  dump->temporary = !temporary_directory.empty();
  // The rings first: every microsecond until here is time in which the cause may be overwritten. Then who is in them.
  dump->mark = recording.take_snapshot({}, dump->first);
  const Timestamp asked = MonotonicClock::now();
  sockets_.ask();  // listed by another thread while the text is read here
  recording.catch_up(MonotonicClock::now());
  dump->begin = std::max(dump->first.at - config_.span, recording.armed_at());
  if (!dump->temporary) dump->collecting = collectors_.begin(dump->begin);
  dump->logs = logs_.copy(dump->begin);
  dump->texts = kept_;
  take_system_text("at", dump->texts);
  take_process_text("at", live_pids(recording.processes()), dump->texts);
  take_facts(dump->texts);
  if (kept_sockets_) dump->texts["system/before/sockets.ndjson"] = socket_rows_text(*kept_sockets_);
  if (const auto survey = sockets_.newest(asked, kSocketPatience)) dump->texts["system/at/sockets.ndjson"] = socket_rows_text(*survey);

  DumpRequest request;
  request.manifest = manifest_for(config_, {.mode = mode_, .command = command_, .pids = live_pids(recording.processes())}, trigger, *recording.window().control);
  dump->clock = request.manifest.clock;
  note_namespaces(request.manifest.target.pids, request.manifest.target);
  request.place = {.directory = dump->temporary ? temporary_directory : config_.directory, .name = bundle_name_of(request.manifest, config_, trigger),
                   .keep_free_percent = dump->temporary ? 0 : config_.keep_free_percent, .lowest = trigger.last_try ? Rung::kSummary : Rung::kMetricsAndStacks};
  request.trigger = {.name = trigger.name, .time = trigger.time};
  request.begin = dump->begin;
  request.open_stall_least = config_.off_cpu;
  if (!dump->temporary) request.retention = {.keep = config_.keep, .max_bytes = config_.max_bytes};
  Dump* const raw = dump.get();
  const int wake = wake_;
  dump->dumper = std::make_unique<Dumper>(std::move(request), recording.snapshot(), recording.copy_moment(dump->first.at), [raw, wake] {
    raw->done = true;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(wake, &one, sizeof one);
  });
  dump_ = std::move(dump);
}

bool DumpControl::takes_more(const DumpTrigger& trigger) const {
  if (!dump_ || dump_->temporary || dump_->completed) return false;
  return !dump_->trigger.of_an_end() || trigger.of_an_end() || trigger.episode.stage == "whole";
}

void DumpControl::merge(const DumpTrigger& trigger, const std::string& said) { dump_->trigger.merge(trigger, said); }

void DumpControl::add_asker(FileDescriptor connection) { dump_->askers.push_back(std::move(connection)); }

void DumpControl::advance(Recording& recording, const MetricReader& metrics, const HistoryKeeper& history, const Engine& engine, Timestamp now, bool targets_gone) {
  if (!dump_ || dump_->completed) return;
  const Timestamp end = dump_->first.at + dump_->trigger.after;
  if (!dump_->looked_again && now >= std::max(end - kLookTakes, dump_->first.at + kSecondLook)) {
    dump_->looked_again = true;
    sockets_.ask();
  }
  if (now < end && !targets_gone) return;
  if (!dump_->dumper->decoded()) {
    // The buffer is still being read, and what came after the firing is being overwritten meanwhile; the next tick asks again.
    dump_->dumper->hurry();
    return;
  }
  dump_->completed = true;
  if (dump_->done) return;  // it failed in stage one
  try {
    complete(recording, metrics, history, engine, now);
  } catch (const std::exception& error) {  // no memory for the copies, say
    dump_->dumper.reset();
    dump_->failed.error = error.what();
    dump_->done = true;
  }
}

void DumpControl::complete(Recording& recording, const MetricReader& metrics, const HistoryKeeper& history, const Engine& engine, Timestamp now) {
  recording.read_summary(now);
  recording.take_snapshot(dump_->mark, dump_->second);
  recording.catch_up(MonotonicClock::now());
  anchors_.push_back(ClockAnchor::now());
  // What piled up at the firing has often gone on since: a second look, unless nothing is left to look at.
  if (const auto survey = sockets_.newest(); survey && survey->time - dump_->first.at >= kSecondLook && !survey->held.empty())
    dump_->texts["system/after/sockets.ndjson"] = socket_rows_text(*survey);
  DumpRest rest{.summary = {recording.summary().rows().begin(), recording.summary().rows().end()},
                .errors = recording.source().errors(),
                .failing = recording.source().failing(),
                .failing_shift = failing_shift(config_.span + config_.after),
                .bystander_ticks = recording.source().bystander_ticks(),
                .host_tier = config_.host_tier,
                .heap = recording.heap(),
                .metrics = metrics.series(dump_->begin),
                .history = dump_->temporary ? History{} : history.for_bundle(dump_->clock),
                .ledger = ledger_ndjson(engine.ledger(), ClockAnchor::now()),
                .texts = std::move(dump_->texts),
                .baselines = dump_->temporary ? "" : baseline_directory(config_, name_),
                .collecting = std::move(dump_->collecting),
                .logs_at_firing = std::move(dump_->logs),
                .logs_at_end = logs_.copy(dump_->begin),
                .anchors = anchors_};
  // All that the manifest needs of the recording is copied now: the dumper's thread must not look at what goes on changing.
  const WindowLayout& layout = recording.window().layout;
  ManifestRest said{.rings = {.live = recording.live_reports(dump_->second.at),
                              .first = dump_->first,
                              .second = dump_->second,
                              .begin = dump_->begin,
                              .armed_at = recording.armed_at(),
                              .summary_begin = recording.summary().begin(),
                              .before = config_.span},
                    .evidence = dump_->trigger.evidence,
                    .episode = dump_->trigger.episode,
                    .losses = losses_of(recording, metrics, dump_->begin, now),
                    .cost = {.cpu_seconds = 0, .rss_bytes = 0, .window_bytes = layout.total_bytes(), .dump_seconds = 0}};
  auto finish = [said = std::move(said), snapshot_bytes = layout.ring_bytes()](Manifest& manifest, const DecodeCounts& counts, double seconds) {
    finish_manifest(said, counts, seconds, manifest);
    manifest.cost.cpu_seconds = own_cpu_seconds();
    manifest.cost.rss_bytes = own_rss_bytes(snapshot_bytes);
  };
  dump_->dumper->complete(recording.snapshot(), recording.copy_moment(now), std::move(rest), std::move(finish));
}

std::optional<FinishedDump> DumpControl::collect() {
  if (!dump_ || !dump_->done) return std::nullopt;
  FinishedDump finished{.result = dump_->dumper ? dump_->dumper->result() : std::move(dump_->failed), .temporary = dump_->temporary, .rule = dump_->trigger.name, .reason = dump_->trigger.evidence,
                        .episodes = std::move(dump_->trigger.episodes), .askers = std::move(dump_->askers)};
  dump_.reset();
  return finished;
}

}  // namespace fdr
