// fdr recover: writes out the windows of recorders that died. Paths go to stdout as bundles are complete; 1 where there was nothing to write.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/error.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/survival/recovery.hpp"
#include "recorder/survival/slice_recovery.hpp"
#include "recorder/system/voice.hpp"

namespace fdr {

void add_recover(CLI::App& app, int& exit_code) {
  struct Options {
    std::optional<std::string> recorder, output;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("recover", R"(write out the window of a recorder that died, or what was on disk when the host did

Examples:
  fdr recover                       of every one that left a window (fdr status lists them)
  fdr recover haproxy -o /tmp       of this one, elsewhere than it would have written itself
Its programs record for half a minute after its death; the window stays until it is written out, or the host is booted anew. Then
what it had put on disk (DIRECTORY/slices) is what is written: of DIRECTORY, and of /var/lib/fdr.)");
  command->add_option("RECORDER", options->recorder, "its name");
  command->add_option("-o,--output", options->output, "directory of the bundle [the recorder's own]");
  command->callback([options, &exit_code] {
    std::vector<std::string> places = {default_bundles()};
    if (options->output && *options->output != places.front()) places.insert(places.begin(), *options->output);
    std::vector<std::string> names = options->recorder ? std::vector{*options->recorder} : dead_windows();
    if (!options->recorder) {
      for (const std::string& place : places)
        for (const std::string& name : left_slices(place))
          if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
    if (names.empty()) throw Error("there is nothing to recover: no recorder that died has left a window (or this user may not see it)", "fdr dump writes the window of one that runs");
    std::signal(SIGXFSZ, SIG_IGN);  // a limit of file size is an error of the write, not our end
    std::size_t written = 0;
    bool failed = false;
    for (const std::string& name : names) {
      RecoveredBundle recovered;
      try {
        const auto slices = std::find_if(places.begin(), places.end(), [&](const std::string& place) { return has_slices(place, name); });
        const bool slices_only = slices != places.end() && !has_left_window(name);
        recovered = slices_only ? recover_slices(*slices, name, options->output) : recover_window(name, options->output);
      } catch (const Error& error) {
        Voice::complain(error);
        failed = true;
        continue;
      }
      for (const std::string& path : recovered.removed) std::fprintf(stderr, "fdr: removed %s: it was being written when the recorder died\n", printable(path).c_str());
      std::fprintf(stderr, "fdr: %s\n", printable(recovered.evidence).c_str());
      if (recovered.path.empty()) continue;
      std::printf("%s\n", recovered.path.c_str());
      ++written;
    }
    exit_code = failed || !written;
  });
}

}  // namespace fdr
