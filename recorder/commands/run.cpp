// fdr run -- COMMAND: a window over a command from its first instruction; its exit code or signal is ours.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/recording_options.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/control/service_manager.hpp"
#include "recorder/heartbeats/notify_watch.hpp"
#include "recorder/session/session.hpp"
#include "recorder/system/child.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(run a command with a window over it and its children

Examples:
  fdr run -- ./server --port 8080
  fdr run --when 'process.cpu.total > 80% for 3s' --after 2s -- ./server
  fdr run --on-exit always -o /tmp/flight -- make test
Exit code: COMMAND's own, or its signal again; 127 not found, 126 not executable, 125 failure of fdr itself.)";

constexpr int kOwnFailure = 125;

struct RunOptions : RecordingOptions {
  std::vector<std::string> command;
  bool strict = false;
};

// Without a session: signals sent to us are passed on all the same (the terminal's the child got itself), until it ends.
int wait_without_window(Child& child) {
  const sigset_t set = block_signals_of_run();
  if (!child.released()) child.release();
  for (;;) {
    if (const auto status = child.poll()) return *status;
    siginfo_t info{};
    if (::sigwaitinfo(&set, &info) > 0 && info.si_signo != SIGCHLD && is_to_be_passed_on(info.si_signo, info.si_code)) ::kill(child.pid(), info.si_signo);
  }
}

// There is one target, the command: the file's one of its name, or the only one, whatever that is called there and matches; else one more.
void take_command_as_target(Config& config, const std::string& name, const Voice& voice) {
  const bool heap = config.wants_heap();
  const auto named = std::find_if(config.targets.begin(), config.targets.end(), [&](const TargetConfig& target) { return target.name == name; });
  TargetConfig target;
  target.name = config.targets.size() == 1 ? config.targets.front().name : name;
  target.heap = heap;
  if (config.targets.size() == 1) config.targets.clear();
  else if (named != config.targets.end()) config.targets.erase(named);
  for (const TargetConfig& other : config.targets) voice.say(fmt::format("target '{}' of the configuration is not looked for: `run` has one, its command", other.name));
  config.targets.insert(config.targets.begin(), target);
}

int run_command(const RunOptions& options) {
  const std::vector<std::string>& command = options.command;
  Config config;
  std::string path;
  try {
    if (command.empty()) throw Error("no command given", "fdr run [options] -- COMMAND [ARG...]");
    config = effective_config(options, OnExit::kFailure);
    path = resolve_command(command.front());
    take_command_as_target(config, name_from(command.front()), Voice{options.quiet});
    apply_heap(options, config);
    if (const auto watchdog = ServiceManager().watchdog(); watchdog && fire_before(*watchdog, config.heartbeats))
      Voice{options.quiet}.say("heartbeats from notify fire at three quarters of WatchdogSec, before systemd ends the service");
    check_config(config);
    if (options.strict && config.backend == BackendChoice::kAuto) config.backend = BackendChoice::kBpf;  // less than all is a failure
  } catch (const Error& error) {
    Voice::complain(error);
    return kOwnFailure;
  } catch (const CommandError& error) {
    std::fprintf(stderr, "fdr: error: %s\n", printable(error.what).c_str());
    return error.exit_code;
  }

  std::optional<Child> forked;
  try {
    forked.emplace(path, command);
  } catch (const Error& error) {
    Voice::complain(error);
    if (options.strict) return kOwnFailure;
    std::fprintf(stderr, "fdr: the command runs without a recording\n");
    become(path, command);
  }
  Child& child = *forked;
  int status = 0;
  try {
    settle_directory(config);
    Session session({.config = config, .mode = "run", .command = command, .quiet = options.quiet});
    session.add_child(child);
    session.loop([&] {
      if (options.verbose) std::fprintf(stderr, "fdr: armed: recorder '%s'\n", session.name().c_str());
      child.release(session.command_environment());
    });
    status = child.wait();
  } catch (const std::exception& error) {  // also where no thread is to be had
    const auto* ours = dynamic_cast<const Error*>(&error);
    Voice::complain(error.what(), ours ? ours->hint() : "");
    if (options.strict && !child.released()) {
      ::kill(child.pid(), SIGKILL);  // it has not run a single instruction of COMMAND
      child.wait();
      return kOwnFailure;
    }
    std::fprintf(stderr, "fdr: the command runs %swithout a recording\n", child.released() ? "on " : "");
    status = wait_without_window(child);
  }
  end_like(status);
}

}  // namespace

void add_run(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", kDescription);
  add_recording_options(*command, *options);
  command->add_flag("--strict", options->strict, "fail (125) where the window cannot be armed as asked");
  command->add_option("COMMAND", options->command, "the command and its arguments, behind --");
  command->positionals_at_end();
  command->callback([options, &exit_code] { exit_code = run_command(*options); });
}

}  // namespace fdr
