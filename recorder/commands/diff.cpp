// fdr diff BASE BUNDLE, fdr diff --within BUNDLE: what changed.
#include <CLI/CLI.hpp>
#include <memory>

#include "formats/compare/diff.hpp"
#include "formats/error.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(what changed: two bundles, or the quiet part against the incident

Examples:
  fdr diff --within BUNDLE                  before and since the onset
  fdr diff --within --onset -12 BUNDLE      it began 12 s before the firing
  fdr diff --within BUNDLE --baseline NAME  against this one of its baselines
  fdr diff QUIET BUNDLE                     a bundle of a good time, or of a healthy host
  fdr diff --within --json BUNDLE | jq '.functions[0]')";

struct DiffOptions {
  ReadingOptions reading;
  std::vector<std::string> bundles;
  std::string onset;
  bool within = false;
};

void run_diff(const DiffOptions& options) {
  const std::size_t needed = options.within ? 1 : 2;
  if (!options.within && !options.reading.baseline.empty()) throw Error("--baseline is of one bundle", "fdr diff --within BUNDLE --baseline NAME");
  if (options.bundles.size() != needed)
    throw Error(options.within ? "--within compares one bundle with itself" : "two bundles are compared: BASE and BUNDLE",
                options.within ? "fdr diff --within BUNDLE" : "fdr diff BASE BUNDLE, or fdr diff --within BUNDLE");
  const auto open = [&](const std::string& path) {
    ReadingOptions reading = options.reading;
    reading.bundle = path;
    reading.compare = options.within && (options.onset.empty() || !options.reading.baseline.empty());
    return open_with_names(reading);
  };
  const OpenedBundle last = open(options.bundles.back());
  const DiffInput now{last.bundle, last.names};
  Difference difference;
  if (options.within) {
    difference = diff_within(now, options.onset);
  } else {
    const OpenedBundle first = open(options.bundles.front());
    difference = diff_bundles({first.bundle, first.names}, now, options.onset);
  }
  print(options.reading.json ? diff_json(difference) : diff_text(difference, terminal_style(options.reading.no_color, 0)));
}

}  // namespace

void add_diff(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<DiffOptions>();
  CLI::App* command = app.add_subcommand("diff", kDescription);
  command->add_flag("--within", options->within, "the quiet part of one bundle against its incident");
  command->add_option("--onset", options->onset, "since when, where fdr finds it wrongly or not: seconds from the firing (-12), or UTC (12:41:20.5)")
      ->type_name("TIME");
  command->add_option("BUNDLES", options->bundles, "BASE BUNDLE, or with --within one bundle")->required()->expected(1, 2);
  add_baseline_option(*command, options->reading);
  add_name_options(*command, options->reading);
  command->add_flag("--json", options->reading.json, "one JSON object: functions, stacks, threads, syscalls, failed, metrics");
  command->add_flag("--no-color", options->reading.no_color, "no colours (NO_COLOR does the same)");
  command->callback([options, &exit_code] {
    run_diff(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
