// fdr report BUNDLE: the answer, on a terminal, as JSON, or as a page.
#include <CLI/CLI.hpp>
#include <memory>

#include "formats/html/page.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(the answer: what fired, why, and what ran then

Examples:
  fdr report 2026-03-01T12-41-23Z.web1.haproxy.system-cpu.fdr
  fdr report BUNDLE | head -24                      the first screen
  fdr report BUNDLE --debug-dir /srv/debug          with debug files of another host
  fdr report BUNDLE --onset -12                     it began 12 s before the firing
  fdr report BUNDLE --html report.html              for a browser; needs no network
  fdr report BUNDLE --json | jq .findings[0])";

struct ReportOptions : ReadingOptions {
  std::string onset;
  std::string html;
};

void run_report(const ReportOptions& options) {
  ReadingOptions reading = options;
  reading.compare = options.onset.empty() || !options.baseline.empty();
  const OpenedBundle opened = open_with_names(reading);
  if (!options.html.empty()) {
    const std::string page = report_html(opened.bundle, opened.names, options.onset);
    options.html == "-" ? print(page) : write_file(options.html, page);
  } else if (options.json) {
    print(report_json(opened.bundle, opened.names, options.onset));
  } else {
    print(opened.told(report_text(opened.bundle, opened.names, opened.module_notes, terminal_style(options.no_color, 80), options.onset), options.bundle));
  }
}

}  // namespace

void add_report(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ReportOptions>();
  CLI::App* command = app.add_subcommand("report", kDescription);
  add_reading_options(*command, *options);
  command->add_option("--onset", options->onset, "since when, where fdr finds it wrongly or not: seconds from the firing (-12), or UTC (12:41:20.5)")
      ->type_name("TIME");
  add_baseline_option(*command, *options);
  command->add_flag("--json", options->json, "one JSON object: trigger, onset, baseline, findings, rings, completeness");
  command->add_option("--html", options->html, "one self-contained page: charts, flame graphs, tables; - for stdout")
      ->type_name("FILE")
      ->excludes("--json");
  command->add_flag("--no-color", options->no_color, "no colours (NO_COLOR does the same)");
  command->callback([options, &exit_code] {
    run_report(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
