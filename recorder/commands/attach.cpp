// fdr attach PID...: a window over processes that run already.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/target_options.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(keep a window over running processes and their children

Examples:
  fdr attach 4711 --when 'process.cpu.system > 30% for 1s'
  fdr attach --comm haproxy --when 'delta(host.mem.free, 1s) > 300MB'
  fdr attach --unit nginx --wait             also across its restarts
  fdr attach --container 3f2a8b91c07d        a container, by its id
  fdr attach --all                           the whole host
  fdr attach -c /etc/fdr/haproxy.toml
Then: `fdr now` shows the window, `fdr dump` or SIGUSR2 writes it, SIGINT or SIGTERM ends.
With -c, SIGHUP reads the file anew: rules change without losing the window, a bad file changes nothing.)";

void run_attach(const TargetOptions& options) {
  SessionOptions session_options = session_over_targets(options, "attach");
  const std::string target = session_options.config.targets.front().name;
  Session session(std::move(session_options));
  session.add_matching_targets();
  session.loop([&] {
    if (!options.quiet) std::fprintf(stderr, "fdr: armed: %s (recorder '%s')\n", printable(target).c_str(), session.name().c_str());
  });
}

}  // namespace

void add_attach(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<TargetOptions>();
  CLI::App* command = app.add_subcommand("attach", kDescription);
  add_target_options(*command, *options);
  add_recording_options(*command, *options);
  command->callback([options, &exit_code] {
    run_attach(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
