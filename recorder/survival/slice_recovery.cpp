#include "recorder/survival/slice_recovery.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/survival/recovery_parts.hpp"
#include "recorder/survival/slice_keeper.hpp"
#include "recorder/system/boot_id.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kKallsymsBeginning = 512u << 10;

struct Span {
  Timestamp begin, end;
};

// From what is there: the last metric is the last sign of life.
Span span_of(const SavedWindow& saved, Duration asked) {
  const Timestamp pulse = saved.pulse ? from_ns(static_cast<std::uint64_t>(saved.pulse->anchor.monotonic_ns)) : Timestamp{};
  const Timestamp end = std::max(saved.metrics_end, pulse);
  return {std::min(std::max(end - asked, saved.facts.armed_at), end), end};
}

MomentCopy moment_of(SavedWindow& saved, const Config& config, const Span& span) {
  MomentCopy moment{.processes = saved.processes ? std::move(saved.processes->table) : ProcessTable(target_names(config)), .files = {}, .threads = {}, .parked = {}, .go = {}, .time = span.end,
                    .past = true};
  for (const auto& [id, thread] : saved.samples.threads)
    if (!moment.processes.threads().contains(id)) moment.processes.add_thread(thread);
  for (const auto& [key, tracked] : moment.processes.processes())
    if (!tracked.process.ended) moment.gone.insert(tracked.process.pid);  // who has this number now is another one
  moment.processes.forget(span.begin);
  return moment;
}

// Nothing of a ring was kept but the samples that were picked.
RingFacts rings_of(const SavedWindow& saved, const Span& span, Duration asked) {
  const auto summary = [&](std::int64_t Pulse::*bound) { return saved.pulse ? from_ns(static_cast<std::uint64_t>((*saved.pulse).*bound)) : span.end; };
  RingFacts facts{.live = {}, .first = {.at = span.end, .covers_since_ns = {}}, .second = {.at = span.end, .covers_since_ns = {}}, .begin = span.begin, .armed_at = saved.facts.armed_at,
                  .summary_begin = summary(&Pulse::summary_begin_ns), .before = asked, .summary_end = summary(&Pulse::summary_end_ns)};
  facts.first.covers_since_ns.fill(static_cast<std::uint64_t>(to_ns(span.end)));
  if (saved.samples.kept) facts.first.covers_since_ns[FDR_STACKS] = static_cast<std::uint64_t>(to_ns(span.begin));
  facts.live["stacks"].recorded = saved.samples.seen;
  facts.live["summary"].recorded = facts.live["summary"].kept = saved.summary.size();
  return facts;
}

std::vector<std::string> losses_of(const SavedWindow& saved, const Span& span) {
  std::vector<std::string> losses = saved.facts.notes;
  losses.insert(losses.end(), saved.losses.begin(), saved.losses.end());
  losses.push_back("the window died with the host: what is here was on disk, metrics once a second, of each four seconds the dearest system calls added up and a few samples; "
                   "single, slow and failed calls, stalls, growth, logs and sleeping threads are missing");
  losses.push_back(fmt::format("{} of {} clock samples were kept", saved.samples.kept, saved.samples.seen));
  if (!saved.samples.kernel_begin) losses.push_back("kernel frames are left out: where the kernel lay then, or lies now, is not told");
  if (saved.processes && saved.processes->left_out) losses.push_back(fmt::format("{} processes, threads and events of the past found no room", saved.processes->left_out));
  if (const Duration silent = span.end - saved.metrics_end; silent > std::chrono::seconds(2)) losses.push_back("metrics stop " + duration_text(silent) + " before the last sign of life");
  return losses;
}

DumpResult write_bundle(SavedWindow& saved, Config config, bool other_boot, std::string& evidence) {
  const Span span = span_of(saved, config.span);
  const ClockAnchor then = saved.pulse ? saved.pulse->anchor : saved.anchors.empty() ? ClockAnchor::now() : saved.anchors.back();
  const ClockAnchor now = ClockAnchor::now();
  const std::string last = utc_text(then.realtime_of(span.end));
  evidence = other_boot ? fmt::format("the host died, or went down without ending recorder '{}': its last sign of life was at {}, the host came up again at {}", saved.facts.name, last, utc_text(now.realtime_ns - now.boottime_ns))
                        : fmt::format("recorder '{}' died, and its window with it: its last sign of life was at {}", saved.facts.name, last);
  saved.samples.move_kernel(kernel_begin(read_small_file("/proc/kallsyms", kKallsymsBeginning).value_or("")));

  const MomentCopy moment = moment_of(saved, config, span);
  for (MetricSeries& series : saved.metrics) std::erase_if(series.points, [&](const auto& point) { return point.time < span.begin; });
  std::erase_if(saved.metrics, [](const MetricSeries& series) { return series.points.empty(); });
  // A sample stands for as many as were not kept; the reader takes the rate from the configuration.
  if (saved.samples.seen) config.frequency = std::max(1u, static_cast<unsigned>((config.frequency * saved.samples.kept + saved.samples.seen / 2) / saved.samples.seen));

  const DumpTrigger trigger{.name = other_boot ? "host-died" : "recorder-died", .when = other_boot ? "the host died" : "the recorder died", .value_text = last, .evidence = evidence, .value = 0, .time = span.end};
  DumpRequest request;
  request.manifest = manifest_for(config, {.mode = saved.facts.mode, .command = saved.facts.command, .pids = live_pids(moment.processes)}, trigger, fdr_control{});
  request.manifest.clock = then;
  request.manifest.trigger.realtime_ns = then.realtime_of(trigger.time);
  if (!saved.samples.release.empty()) request.manifest.host.kernel = printable(saved.samples.release);
  request.place = {.directory = config.directory, .name = bundle_name_of(request.manifest, config, trigger), .keep_free_percent = config.keep_free_percent, .lowest = Rung::kFull};
  request.trigger = {.name = trigger.name, .time = trigger.time};
  request.begin = span.begin;
  request.open_stall_least = config.off_cpu;
  request.retention = {.keep = config.keep, .max_bytes = config.max_bytes};

  const Pulse pulse = saved.pulse.value_or(Pulse{});
  ManifestRest said{.rings = rings_of(saved, span, config.span),
                    .evidence = evidence,
                    .episode = {},
                    .losses = losses_of(saved, span),
                    .cost = {.cpu_seconds = pulse.cpu_seconds, .rss_bytes = last_rss(saved.metrics), .window_bytes = 0, .dump_seconds = 0}};
  TextFiles texts;
  take_facts(texts);
  DumpRest rest{.summary = std::move(saved.summary), .errors = {}, .failing = {}, .failing_shift = 0, .bystander_ticks = {}, .host_tier = false, .heap = {}, .metrics = std::move(saved.metrics), .history = {},
                .ledger = saved.ledger + ledger_ndjson({{.time = span.end, .rule = "", .event = "died", .value = 0, .text = evidence}}, then),
                .texts = std::move(texts), .baselines = {}, .collecting = {}, .logs_at_firing = {}, .logs_at_end = {}, .anchors = std::move(saved.anchors)};
  const Snapshot snapshot = Snapshot::of_stacks(saved.samples.by_cpu);
  return dump_past(std::move(request), snapshot, moment, std::move(rest), std::move(said));
}

}  // namespace

std::string default_bundles() { return Config{}.directory; }

bool has_slices(const std::string& bundles, const std::string& name) { return ::access((slice_directory(bundles, name) + "/" + kFactsFile).c_str(), F_OK) == 0; }

std::vector<std::string> left_slices(const std::string& bundles) {
  std::vector<std::string> names;
  const std::vector<std::string> alive = known_recorders().alive;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir((bundles + "/slices").c_str()), ::closedir);
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string name = entry->d_name;
    if (valid_name(name) && name[0] != '.' && !std::count(alive.begin(), alive.end(), name) && has_slices(bundles, name)) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void remove_slices(const std::string& bundles, const std::string& name) {
  remove_slice_directory(slice_directory(bundles, name));
}

RecoveredBundle recover_slices(const std::string& bundles, const std::string& name, const std::optional<std::string>& directory) {
  const auto place = RunDirectory::take(name);
  if (!place) throw Error("the recorder '" + name + "' runs, or is being recovered", "fdr dump " + name + " writes the window of one that runs");
  RecoveredBundle recovered;
  auto saved = read_saved_window(slice_directory(bundles, name));
  if (!saved) throw Error("what recorder '" + name + "' left in " + slice_directory(bundles, name) + " is damaged, or of another version", "remove the directory");
  if (!saved->pulse && saved->metrics.empty()) {
    recovered.evidence = fmt::format("recorder '{}' died before it had written anything", name);
    remove_slices(bundles, name);
    return recovered;
  }
  Config config = config_of(saved->facts, saved->losses);
  const std::int64_t armed = saved->anchors.empty() ? 0 : saved->anchors.front().realtime_of(saved->facts.armed_at);
  const std::string own_directory = config.directory;
  if (directory) config.directory = *directory;
  const DumpResult result = write_bundle(*saved, config, saved->facts.boot_id != boot_id(), recovered.evidence);
  if (result.path.empty()) throw Error("what '" + name + "' left could not be written: " + result.error, result.hint.empty() ? "it is still there: fdr recover " + name + " -o DIRECTORY" : result.hint);
  recovered.path = result.path;
  recovered.removed = remove_abandoned(own_directory, armed);
  remove_slices(bundles, name);
  return recovered;
}

}  // namespace fdr
