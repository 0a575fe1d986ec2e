// fdr attach PID...: a window over processes that run already.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/recording_options.hpp"
#include "recorder/proc_reader.hpp"
#include "recorder/session.hpp"
#include "recorder/target_finder.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(keep a window over running processes and their children

Examples:
  fdr attach 4711 --when 'process.cpu.system > 30% for 1s'
  fdr attach --comm haproxy --when 'delta(host.mem.free, 1s) > 300MB'
  fdr attach --unit nginx --wait             also across its restarts
  fdr attach -c /etc/fdr/haproxy.toml
Then: `fdr now` shows the window, `fdr dump` or SIGUSR2 writes it, SIGINT or SIGTERM ends.
With -c, SIGHUP reads the file anew: rules change without losing the window, a bad file changes nothing.)";

void run_attach(const RecordingOptions& options, const std::vector<std::int32_t>& pids) {
  Config config = effective_config(options, OnExit::kNever);
  if (!pids.empty()) {
    if (!comm_of(pids.front()).empty() || config.targets.empty()) {
      TargetConfig target;
      target.pids = pids;
      target.name = name_from(comm_of(pids.front()));
      config.targets.insert(config.targets.begin(), target);
    }
  }
  const auto described = [&](const std::string& text, auto member, const std::string& value) {
    if (text.empty()) return;
    TargetConfig target;
    target.name = name_from(text);
    target.*member = value;
    config.targets.push_back(target);
  };
  described(options.comm, &TargetConfig::comm, options.comm);
  described(options.unit, &TargetConfig::unit, full_unit_name(options.unit));
  described(options.cgroup, &TargetConfig::cgroup, options.cgroup);
  if (options.wait) config.wait = true;
  // What the command line chose stays chosen, whatever those processes are called by then.
  const auto reload = [options, targets = config.targets, chosen = !pids.empty() || !options.comm.empty() || !options.unit.empty() || !options.cgroup.empty()] {
    Config next = effective_config(options, OnExit::kNever);
    if (chosen) next.targets = targets;
    if (options.wait) next.wait = true;
    check_config(next);
    return next;
  };
  if (config.targets.empty()) throw Error("nothing to attach to", "give a PID, --comm NAME, --unit NAME, --cgroup PATH, or a configuration with [[target]]");
  check_config(config);
  SessionOptions session_options{.config = config, .mode = "attach", .command = {}, .quiet = options.quiet};
  if (!options.config_file.empty()) session_options.reload = reload;
  Session session(std::move(session_options));
  session.add_matching_targets();
  session.loop([&] {
    if (!options.quiet) std::fprintf(stderr, "fdr: armed: %s (recorder '%s')\n", printable(config.targets.front().name).c_str(), session.name().c_str());
  });
}

}  // namespace

void add_attach(CLI::App& app, int& exit_code) {
  struct Options : RecordingOptions {
    std::vector<std::int32_t> pids;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("attach", kDescription);
  command->add_option("PID", options->pids, "processes; their children are followed");
  command->add_option("--comm", options->comm, "every process of this name");
  command->add_option("--unit", options->unit, "every process of this systemd unit");
  command->add_option("--cgroup", options->cgroup, "every process in this cgroup or below: the path in /proc/PID/cgroup");
  command->add_flag("--wait", options->wait, "wait for targets to come, and to come again");
  add_recording_options(*command, *options);
  command->callback([options, &exit_code] {
    run_attach(*options, options->pids);
    exit_code = 0;
  });
}

}  // namespace fdr
