// fdr once TARGET --for 10m: for cron and timers. One wait, at most one bundle, an exit code that says which it was.
#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdio>
#include <memory>

#include "formats/bundle_reader.hpp"
#include "formats/findings/grade.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/commands/target_options.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(wait for a rule to fire, so long and no longer: for cron and timers

Examples:
  fdr once --comm haproxy -c /etc/fdr/haproxy.toml --for 10m
  fdr once --unit nginx --when 'process.rss > 2GB' --for 50m
Says nothing while all is well. A bundle's path goes to stdout, errors to stderr; at most one bundle, and then it ends.
Needs nothing of its environment. One at a time for each --name (by default the target's, with -once).
A target that is not there is an error, unless --wait.

Exit code:
   0  nothing fired within --for, or the targets ended
  10  a bundle was written
  11  a bundle was written, and more than half of something is missing in it: `fdr verify BUNDLE` says what
   1  it failed; 2: wrong usage
  75  another one of this name is running
  77  no permission to record
  78  the configuration or a rule is wrong)";

enum OnceExit { kQuiet = 0, kFailed = 1, kBundle = 10, kPartialBundle = 11, kBusy = 75, kNoPermission = 77, kBadConfig = 78 };  // sysexits.h

struct OnceOptions : TargetOptions {
  std::string most;
};

// CAP_BPF and CAP_PERFMON, or what stood for both before 5.8 (capabilities(7)).
bool may_record() {
  constexpr unsigned kSysAdmin = 21, kPerfmon = 38, kBpf = 39;
  const std::string status = read_small_file("/proc/self/status").value_or("");
  std::string_view rest = status;
  while (!rest.empty()) {
    std::string_view line = take_line(rest);
    if (take_word(line) != "CapEff:") continue;
    const std::string_view figures = take_word(line);
    std::uint64_t held = 0;
    std::from_chars(figures.data(), figures.data() + figures.size(), held, 16);
    const auto has = [held](unsigned capability) { return (held >> capability & 1) != 0; };
    return has(kSysAdmin) || (has(kPerfmon) && has(kBpf));
  }
  return false;
}

bool is_partial(const std::string& path) {
  Bundle bundle;
  bundle.manifest = manifest_from_json(read_bundle_text(path, "manifest.json").value_or(""));
  return grade_of(bundle).word == "poor";
}

int run_once(const OnceOptions& options) {
  SessionOptions session_options;
  try {
    session_options = session_over_targets(options, "once");
    session_options.at_most = duration_flag("--for", options.most);
  } catch (const Error& error) {
    Voice::complain(error);
    return kBadConfig;
  }
  session_options.quiet = !options.verbose;
  std::string& name = session_options.config.name;
  // Not the name of an `fdr attach` on the same target, and never numbered: a second one is to find the first.
  if (name.empty()) name = session_options.config.targets.front().name.substr(0, 27) + "-once";
  try {
    Session session(std::move(session_options));
    session.add_matching_targets();
    const SessionEnd end = session.loop([] {});
    if (end.bundle.empty()) return end.failed ? kFailed : kQuiet;
    print(end.bundle + "\n");
    return is_partial(end.bundle) ? kPartialBundle : kBundle;
  } catch (const RecorderNameTaken& error) {
    Voice::complain(error);
    return kBusy;
  } catch (const NoTarget& error) {
    Voice::complain(error);
    return kFailed;
  } catch (const Error& error) {
    Voice::complain(error);
    return may_record() ? kFailed : kNoPermission;
  } catch (const std::exception& error) {  // no thread, no memory
    Voice::complain(error.what(), "");
    return kFailed;
  }
}

}  // namespace

void add_once(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<OnceOptions>();
  CLI::App* command = app.add_subcommand("once", kDescription);
  add_target_options(*command, *options);
  command->add_option("--for", options->most, "how long to wait for a rule to fire: 10m")->required();
  add_recording_options(*command, *options);
  command->callback([options, &exit_code] { exit_code = run_once(*options); });
}

}  // namespace fdr
