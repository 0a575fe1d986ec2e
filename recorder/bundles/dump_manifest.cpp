#include "recorder/bundles/dump_manifest.hpp"

#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>

#include "formats/bundle_writer.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/system/cpu_list.hpp"
#include "recorder/targets/process_table.hpp"

namespace fdr {
namespace {

// The last part of a bundle's name, of at most 32 bytes: what fired, and what of it this is.
std::string rule_part(const DumpTrigger& trigger) {
  const std::string_view suffix = trigger.drill ? "-drill" : trigger.of_an_end() ? "-end" : "";
  return trigger.name.substr(0, 32 - suffix.size()) + std::string(suffix);
}

}  // namespace

void DumpTrigger::merge(const DumpTrigger& other, const std::string& said) {
  evidence += "; " + said;
  after = std::max(after, other.after);
  if (other.episode.id.empty()) return;
  if (episode.id.empty() || episode.id == other.episode.id) episode = other.episode;
  episodes.push_back(other.episode.id);
}

std::vector<std::int32_t> live_pids(const ProcessTable& table) {
  std::vector<std::int32_t> pids;
  for (const auto& [key, tracked] : table.processes())
    if (!tracked.process.ended) pids.push_back(tracked.process.pid);
  return pids;
}

std::vector<std::string> table_losses(const ProcessTable& table) {
  std::vector<std::string> losses;
  if (table.refused()) losses.push_back(std::to_string(table.refused()) + " processes found no room in the table and have no names");
  std::uint64_t mappings = 0;
  for (const auto& [key, tracked] : table.processes())
    if (!tracked.spaces.empty()) mappings += tracked.spaces.back().space->refused();
  if (mappings) losses.push_back(std::to_string(mappings) + " mappings of code, the smallest of them, found no room: stacks through them end there");
  return losses;
}

std::vector<std::string> program_losses(const fdr_control& control) {
  std::vector<std::string> losses;
  if (control.slots_exhausted)
    losses.push_back(std::to_string(control.slots_exhausted) + " threads found no slot and were not recorded: raise --memory");
  if (control.cpu_without_slot)
    losses.push_back(std::to_string(control.cpu_without_slot) + " calls, lives and stalls on CPUs that came online when no ring was left for them: start the recorder anew");
  if (control.summary_overflow)
    losses.push_back(std::to_string(control.summary_overflow) + " calls are counted by number only, for want of room in the summary table");
  return losses;
}

Manifest manifest_for(const Config& config, RecordedTargets targets, const DumpTrigger& trigger, const fdr_control& control) {
  Manifest manifest;
  manifest.fdr_version = FDR_VERSION;
  manifest.recorder_pid = static_cast<std::int32_t>(control.recorder);
  manifest.switches_unseen = control.returns_unseen;
  utsname system{};
  ::uname(&system);
  struct sysinfo memory {};
  ::sysinfo(&memory);
  manifest.host = {.name = system.nodename, .kernel = system.release, .machine = system.machine,
                   .cpus = static_cast<int>(online_cpus().size()), .memory_bytes = std::uint64_t{memory.totalram} * memory.mem_unit};
  manifest.target = {.mode = std::move(targets.mode), .pids = std::move(targets.pids), .command = std::move(targets.command), .names = target_names(config), .container = {}, .ns_pids = {}};
  manifest.clock = ClockAnchor::now();
  manifest.trigger = {.name = trigger.name, .when = trigger.when, .value = trigger.value, .value_text = trigger.value_text,
                      .evidence = trigger.evidence, .realtime_ns = manifest.clock.realtime_of(trigger.time),
                      .monotonic_ns = to_ns(trigger.time), .drill = trigger.drill};
  manifest.episode = trigger.episode;
  manifest.backend = backend_name(control.backend);
  manifest.sampled_hz = config.frequency;
  manifest.config = config_toml(config);
  return manifest;
}

std::string bundle_name_of(const Manifest& manifest, const Config& config, const DumpTrigger& trigger) {
  return bundle_name(manifest.trigger.realtime_ns, manifest.host.name, config.targets.empty() ? manifest.target.mode : config.targets.front().name, rule_part(trigger));
}

void finish_manifest(const ManifestRest& rest, const DecodeCounts& counts, double dump_seconds, Manifest& manifest) {
  manifest.trigger.evidence = rest.evidence;
  manifest.episode = rest.episode;
  const Timestamp fired = from_ns(manifest.trigger.monotonic_ns);  // a while before the first snapshot where that is a second try
  manifest.window.before_s = std::max(0.0, to_seconds(fired - rest.rings.begin));
  manifest.window.after_s = to_seconds(rest.rings.second.at - fired);
  manifest.rings = ring_reports(rest.rings, counts);
  manifest.losses = rest.losses;
  manifest.cost = rest.cost;
  manifest.cost.dump_seconds = dump_seconds;
}

}  // namespace fdr
