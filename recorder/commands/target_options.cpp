#include "recorder/commands/target_options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/targets/containers.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/targets/target_finder.hpp"

namespace fdr {
namespace {

// Whom the command line means; the pids first, after whom a recorder is called.
std::vector<TargetConfig> chosen_targets(const TargetOptions& options, bool others) {
  std::vector<TargetConfig> chosen;
  if (!options.pids.empty() && (!comm_of(options.pids.front()).empty() || !others)) {
    TargetConfig& target = chosen.emplace_back();
    target.pids = options.pids;
    target.name = name_from(comm_of(options.pids.front()));
  }
  const auto described = [&](const std::string& text, auto member, const std::string& value) {
    if (text.empty()) return;
    TargetConfig& target = chosen.emplace_back();
    target.name = name_from(text);
    target.*member = value;
  };
  described(options.comm, &TargetConfig::comm, options.comm);
  described(options.unit, &TargetConfig::unit, full_unit_name(options.unit));
  described(options.cgroup, &TargetConfig::cgroup, options.cgroup);
  if (!options.container.empty() && !is_container_id(options.container))
    throw Error("--container: '" + options.container + "' is not a container's id", "12 of its figures or more, as `docker ps` and `crictl ps` show them");
  described(options.container.substr(0, kContainerPrefix), &TargetConfig::container, options.container);
  if (options.all) {
    TargetConfig& target = chosen.emplace_back();
    target.name = "all";
    target.all = true;
  }
  return chosen;
}

// Flags go over the file: its target of a name that is chosen is then who the command line says, and stays what else it is.
void add_targets(Config& config, const TargetOptions& options) {
  std::vector<TargetConfig> chosen = chosen_targets(options, !config.targets.empty());
  for (TargetConfig& target : chosen) {
    const auto same = std::find_if(config.targets.begin(), config.targets.end(), [&](const TargetConfig& other) { return other.name == target.name; });
    if (same == config.targets.end()) continue;
    target.heap |= same->heap;
    config.targets.erase(same);
  }
  const auto first = std::find_if(chosen.begin(), chosen.end(), [](const TargetConfig& target) { return target.pids.empty(); });
  config.targets.insert(config.targets.end(), first, chosen.end());
  config.targets.insert(config.targets.begin(), chosen.begin(), first);
  if (options.wait) config.wait = true;
  apply_heap(options, config);
}

}  // namespace

void add_target_options(CLI::App& command, TargetOptions& options) {
  command.add_option("PID", options.pids, "processes; their children are followed");
  command.add_option("--comm", options.comm, "every process of this name");
  command.add_option("--unit", options.unit, "every process of this systemd unit");
  command.add_option("--cgroup", options.cgroup, "every process in this cgroup or below: the path in /proc/PID/cgroup");
  command.add_option("--container", options.container, "every process of this container: its id, 12 figures or more");
  command.add_flag("--all", options.all,
                   "every process but kernel threads, fdr and who started it; all share the window, which reaches less far back, and a service "
                   "started later is found within a second");
  command.add_flag("--wait", options.wait, "wait for targets to come, and to come again");
}

SessionOptions session_over_targets(const TargetOptions& options, const std::string& mode) {
  Config config = effective_config(options, OnExit::kNever);
  settle_directory(config);
  add_targets(config, options);
  if (config.targets.empty())
    throw Error("no target is given", "give a PID, --comm NAME, --unit NAME, --cgroup PATH, --container ID, --all, or a configuration with [[target]]");
  for (const HeartbeatConfig& beat : config.heartbeats)
    if (beat.from == BeatSource::kNotify)
      throw Error("heartbeat '" + beat.name + "': only `fdr run` can hear what a service tells systemd's watchdog", "ExecStart=fdr run -c FILE -- COMMAND, or another `from`");
  check_config(config);
  SessionOptions session{.config = config, .mode = mode, .command = {}, .quiet = options.quiet};
  if (options.config_file.empty()) return session;
  // What the command line chose stays chosen, whatever those processes are called by then.
  session.reload = [options, targets = config.targets] {
    Config next = effective_config(options, OnExit::kNever);
    settle_directory(next);
    if (options.chosen()) next.targets = targets;
    if (options.wait) next.wait = true;
    check_config(next);
    return next;
  };
  return session;
}

}  // namespace fdr
