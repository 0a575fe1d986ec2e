// fdr common BUNDLE...: what several firings share.
#include <CLI/CLI.hpp>
#include <memory>

#include "formats/compare/common.hpp"
#include "formats/error.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(what all firings share and no quiet part has

Examples:
  fdr common /var/lib/fdr/*.system-cpu.fdr       every time that rule fired
  fdr common --json A.fdr B.fdr | jq .findings)";

struct CommonOptions {
  ReadingOptions reading;
  std::vector<std::string> bundles;
};

void run_common(const CommonOptions& options) {
  if (options.bundles.size() < 2) throw Error("one firing shares nothing: two bundles at least", "fdr diff --within BUNDLE, for one");
  std::vector<FiringProfile> firings;
  for (const std::string& path : options.bundles) {  // one after another: each may be large
    ReadingOptions reading = options.reading;
    reading.bundle = path;
    reading.compare = true;
    const OpenedBundle opened = open_with_names(reading);
    firings.push_back(firing_of({opened.bundle, opened.names}));
  }
  print(options.reading.json ? common_json(firings) : common_text(firings, terminal_style(options.reading.no_color, 0)));
}

}  // namespace

void add_common(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command = app.add_subcommand("common", kDescription);
  command->add_option("BUNDLES", options->bundles, "two bundles or more")->required();
  add_name_options(*command, options->reading);
  command->add_flag("--json", options->reading.json, "one JSON object: firings, findings, functions, stacks, syscalls, failed, threads, metrics");
  command->add_flag("--no-color", options->reading.no_color, "no colours (NO_COLOR does the same)");
  command->callback([options, &exit_code] {
    run_common(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
