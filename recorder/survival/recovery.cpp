#include "recorder/survival/recovery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/baselines/baseline_store.hpp"
#include "recorder/bundles/dump_manifest.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/dump/dumper.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/survival/recovery_parts.hpp"
#include "recorder/survival/slice_recovery.hpp"
#include "recorder/system/boot_id.hpp"
#include "recorder/targets/containers.hpp"
#include "recorder/targets/proc_reader.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kSameStart_ns = 20'000'000;  // /proc gives starts to a tick of 10 ms

// From the recorder's last sign of life to the last that its programs recorded.
struct Span {
  Timestamp begin, died, end;
};

Span span_of(const fdr_control& control, const SavedFacts& facts, Duration asked, Timestamp now) {
  Span span;
  span.died = std::min(from_ns(control.renewed_ns), now);
  span.end = std::clamp(from_ns(control.lease_ns), span.died, std::max(now, span.died));
  span.begin = std::min(std::max(span.died - asked, facts.armed_at), span.died);
  return span;
}

std::map<std::int32_t, std::uint64_t> starts_now() {
  std::map<std::int32_t, std::uint64_t> starts;
  for (const LivingProcess& process : living_processes()) starts[process.pid] = process.start_boottime_ns;
  return starts;
}

// The process table as it was, brought up to the window's end by what the life ring and the threads array still say.
MomentCopy moment_of(const WindowView& window, SavedWindow& saved, const Config& config, const Span& span) {
  MomentCopy moment{.processes = saved.processes ? std::move(saved.processes->table) : ProcessTable(target_names(config)), .files = {}, .threads = {}, .parked = {}, .go = {}, .time = span.end,
                    .past = true};
  LifeReader life(saved.processes ? saved.processes->life : std::vector<LifeReader::Place>{});
  ProcessTable& table = moment.processes;
  const ProcessTable::Changes changes = table.apply(life.read(window), {}, span.end, window.threads, window.layout.threads);
  for (std::uint32_t slot = 0; slot < window.layout.threads; ++slot) {
    const fdr_thread thread = window.threads[slot];
    if (!(thread.flags & FDR_THREAD_USED) || thread.flags & FDR_THREAD_EXITED) continue;
    moment.threads.push_back(thread);
    table.add_thread(thread);
  }
  moment.parked.assign(window.parked, window.parked + FDR_PARKED);

  const std::map<std::int32_t, std::uint64_t> starts = starts_now();
  std::vector<std::int32_t> unknown = changes.execed;  // of whom nothing was saved
  for (const auto& [key, tracked] : table.processes()) {
    if (tracked.process.ended) continue;
    const auto now = starts.find(tracked.process.pid);
    const auto apart = now == starts.end() ? kSameStart_ns : static_cast<std::int64_t>(now->second - tracked.process.start_boottime_ns);
    if (apart >= kSameStart_ns || apart <= -kSameStart_ns) moment.gone.insert(tracked.process.pid);
    else if (tracked.spaces.empty()) unknown.push_back(tracked.process.pid);
  }
  MapReader maps;
  for (const std::int32_t pid : unknown) {
    if (moment.gone.contains(pid) || !table.known(pid)) continue;
    table.add_existing(pid, 0, maps.read(pid), span.end);
    table.describe(pid, executable_of(pid), command_line_of(pid));
  }
  table.forget(span.begin);
  return moment;
}

std::vector<std::int32_t> still_there(const MomentCopy& moment) {
  std::vector<std::int32_t> pids = live_pids(moment.processes);
  std::erase_if(pids, [&](std::int32_t pid) { return moment.gone.contains(pid); });
  return pids;
}

// What the host says now belongs to the window only while that is not over; the kernel's log says of itself when.
void take_text_now(const Span& span, const MomentCopy& moment, Timestamp now, TextFiles& texts) {
  take_facts(texts);
  TextFiles at;
  take_system_text("at", at);
  if (now <= span.end) {
    take_process_text("at", still_there(moment), at);
    return texts.merge(at);
  }
  if (auto log = at.extract("system/at/kernel_log")) texts.insert(std::move(log));
}

std::vector<std::string> losses_of(const SavedWindow& saved, const WindowView& window, const Config& config, const Span& span) {
  std::vector<std::string> losses = saved.facts.notes;
  for (const std::vector<std::string>& more : {program_losses(*window.control), saved.losses}) losses.insert(losses.end(), more.begin(), more.end());
  losses.push_back(fmt::format("the recorder died: its rings went on for {} without it; stacks of sleeping threads, goroutines, memory that was given back{} end with it",
                               duration_text(span.end - span.died), config.logs.empty() && config.collectors.empty() ? "" : ", logs, collectors"));
  const Timestamp sums = saved.pulse ? from_ns(static_cast<std::uint64_t>(saved.pulse->summary_end_ns)) : span.begin;
  if (span.end - sums > std::chrono::seconds(1)) losses.push_back(fmt::format("sums of system calls stop {} before the end of the window", duration_text(span.end - sums)));
  if (saved.processes && saved.processes->left_out)
    losses.push_back(fmt::format("{} processes, threads and events of the past found no room beside the window: raise --memory", saved.processes->left_out));
  return losses;
}

Coverage coverage_of(const Snapshot& snapshot, Timestamp at) {
  Coverage coverage{.at = at};
  for (int ring = 0; ring < FDR_RINGS; ++ring) coverage.covers_since_ns[ring] = snapshot.ring(ring).covers_since_ns;
  return coverage;
}

// Everything but the lock and the removal.
DumpResult write_bundle(const std::string& name, SavedWindow& saved, const Config& config, const std::string& baselines, std::string& evidence) {
  const std::unique_ptr<LeftWindow> left = open_left_window(name);
  const WindowView& window = left->window();
  // The rings first: where the lease is not over they are still being written.
  Snapshot snapshot(window.layout);
  snapshot.take(window, {});
  const Timestamp now = MonotonicClock::now();
  const ClockAnchor clock = ClockAnchor::now();
  const Span span = span_of(*window.control, saved.facts, config.span, now);
  evidence = fmt::format("recorder '{}' (pid {}) died: its last sign of life was at {}, {} before this bundle was begun", name, window.control->recorder, utc_text(clock.realtime_of(span.died)),
                         duration_text(now - span.died));

  MomentCopy moment = moment_of(window, saved, config, span);
  for (MetricSeries& series : saved.metrics) std::erase_if(series.points, [&](const auto& point) { return point.time < span.begin; });
  std::erase_if(saved.metrics, [](const MetricSeries& series) { return series.points.empty(); });
  take_text_now(span, moment, now, saved.text);
  saved.anchors.push_back(clock);

  const DumpTrigger trigger{.name = "recorder-died", .when = "the recorder died", .value_text = duration_text(now - span.died) + " ago", .evidence = evidence, .value = to_seconds(now - span.died),
                            .time = span.died, .after = span.end - span.died};
  DumpRequest request;
  request.manifest = manifest_for(config, {.mode = saved.facts.mode, .command = saved.facts.command, .pids = live_pids(moment.processes)}, trigger, *window.control);
  note_namespaces(still_there(moment), request.manifest.target);
  // All of it or nothing: what is not written now can be written later, or elsewhere; the window stays until then.
  request.place = {.directory = config.directory, .name = bundle_name_of(request.manifest, config, trigger), .keep_free_percent = config.keep_free_percent, .lowest = Rung::kFull};
  request.trigger = {.name = trigger.name, .time = trigger.time};
  request.begin = span.begin;
  request.open_stall_least = config.off_cpu;
  request.retention = {.keep = config.keep, .max_bytes = config.max_bytes};

  const auto pulse = saved.pulse.value_or(Pulse{});
  const RecordedSince known{.span = config.span, .armed_at = saved.facts.armed_at, .summary_begin = from_ns(static_cast<std::uint64_t>(pulse.summary_begin_ns)), .summary_rows = saved.summary.size(),
                            .clock_period_ns = saved.facts.clock_period_ns, .life_missed = pulse.life_missed};
  ManifestRest said{.rings = {.live = live_reports(window, known, span.end), .first = coverage_of(snapshot, span.died), .second = coverage_of(snapshot, span.end), .begin = span.begin,
                              .armed_at = saved.facts.armed_at, .summary_begin = known.summary_begin, .before = config.span, .summary_end = from_ns(static_cast<std::uint64_t>(pulse.summary_end_ns))},
                    .evidence = evidence,
                    .episode = {},
                    .losses = losses_of(saved, window, config, span),
                    .cost = {.cpu_seconds = pulse.cpu_seconds, .rss_bytes = last_rss(saved.metrics), .window_bytes = window.layout.total_bytes(), .dump_seconds = 0}};
  HeapReading heap = left->heap();
  if (!heap.blocks.empty()) heap.since = saved.facts.armed_at;  // or a little later: when the probes were there died with the recorder
  DumpRest rest{.summary = std::move(saved.summary),
                .errors = left->errors(),
                .failing = config.host_tier ? left->failing() : std::vector<std::pair<fdr_failing_key, fdr_failing>>{},
                .failing_shift = failing_shift(config.span + config.after),
                .bystander_ticks = config.host_tier ? left->bystander_ticks() : std::vector<std::pair<std::uint32_t, fdr_ticks>>{},
                .host_tier = config.host_tier,
                .heap = std::move(heap),
                .metrics = std::move(saved.metrics),
                .history = {},
                .ledger = saved.ledger + ledger_ndjson({{.time = span.died, .rule = "", .event = "died", .value = to_seconds(now - span.died), .text = evidence}}, clock),
                .texts = std::move(saved.text),
                .baselines = baselines,
                .collecting = {},
                .logs_at_firing = {},
                .logs_at_end = {},
                .anchors = std::move(saved.anchors)};

  return dump_past(std::move(request), snapshot, moment, std::move(rest), std::move(said));
}

}  // namespace

RecoveredBundle recover_window(const std::string& name, const std::optional<std::string>& directory) {
  auto place = RunDirectory::take(name);
  if (!place) throw Error("the recorder '" + name + "' runs, or is being recovered", "fdr dump " + name + " writes the window of one that runs");
  RecoveredBundle recovered;
  if (!has_left_window(name)) {
    remove_left_window(name);
    throw Error("there is no window of a recorder named '" + name + "'", "fdr status lists what there is");
  }
  auto saved = read_saved_window(place->path(""));
  if (!saved || saved->facts.boot_id != boot_id()) {
    recovered.evidence = fmt::format("recorder '{}' died before it was armed: it had recorded nothing", name);
    remove_left_window(name);
    return recovered;
  }
  place->leave_window();  // until the bundle is whole
  Config config = config_of(saved->facts, saved->losses);
  const std::string own_directory = config.directory, baselines = baseline_directory(config, name);
  if (directory) config.directory = *directory;
  const DumpResult result = write_bundle(name, *saved, config, baselines, recovered.evidence);
  if (result.path.empty()) throw Error("the window of '" + name + "' could not be written: " + result.error, result.hint.empty() ? "it is still there: fdr recover " + name + " -o DIRECTORY" : result.hint);
  recovered.path = result.path;
  const ClockAnchor clock = ClockAnchor::now();
  recovered.removed = remove_abandoned(own_directory, clock.realtime_of(saved->facts.armed_at));
  remove_left_window(name);
  remove_saved_window(place->path(""));
  remove_slices(own_directory, name);
  place->window_is_over();
  return recovered;
}

}  // namespace fdr
