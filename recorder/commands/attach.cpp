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

namespace fdr {
namespace {

constexpr const char* kDescription = R"(keep a window over running processes and their children

Examples:
  fdr attach 4711 --when 'process.cpu.system > 30% for 1s'
  fdr attach --comm haproxy --when 'delta(host.mem.free, 1s) > 300MB'
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
  if (!options.comm.empty()) config.targets.push_back({.name = name_from(options.comm), .pids = {}, .comm = options.comm, .exe = {}});
  // What the command line chose stays chosen, whatever those processes are called by then.
  const auto reload = [options, targets = config.targets, chosen = !pids.empty() || !options.comm.empty()] {
    Config next = effective_config(options, OnExit::kNever);
    if (chosen) next.targets = targets;
    check_config(next);
    return next;
  };
  if (config.targets.empty()) throw Error("nothing to attach to", "give a PID, --comm NAME, or a configuration with [[target]]");
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
  add_recording_options(*command, *options);
  command->callback([options, &exit_code] {
    run_attach(*options, options->pids);
    exit_code = 0;
  });
}

}  // namespace fdr
