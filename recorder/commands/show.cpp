// fdr show BUNDLE PART: one part as a table or as JSON rows.
#include <CLI/CLI.hpp>
#include <memory>

#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(one part of a bundle as text or JSON

Examples:
  fdr show BUNDLE                                  what happened, in order
  fdr show BUNDLE syscalls                         as strace -c would count them
  fdr show BUNDLE stalls --from -2 --to 0.5        seconds around the firing
  fdr show BUNDLE stacks --json | jq '.[0]'
  fdr show BUNDLE system/at/meminfo.txt           a text file of the bundle)";

struct ShowOptions {
  ReadingOptions reading;
  std::string part = "timeline";
  ShowFilter filter;
};

void run_show(const ShowOptions& options) {
  const OpenedBundle opened = open_with_names(options.reading);
  if (options.reading.json) {
    print(show_json(opened.bundle, opened.names, options.part, options.filter));
  } else {
    print(show_text(opened.bundle, opened.names, options.part, options.filter,
                    terminal_style(options.reading.no_color, 0)));
  }
}

std::string list_of_parts() {
  std::string list;
  for (const std::string& part : show_parts()) list += (list.empty() ? "" : ", ") + part;
  return list;
}

}  // namespace

void add_show(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = app.add_subcommand("show", kDescription);
  add_reading_options(*command, options->reading);
  command->add_option("PART", options->part, "one of: " + list_of_parts() + "; or the path of a file of the bundle");
  add_filter_options(*command, options->filter);
  command->add_flag("--json", options->reading.json, "one JSON array of rows, one row a line");
  command->add_flag("--no-color", options->reading.no_color, "no colours (NO_COLOR does the same)");
  command->callback([options, &exit_code] {
    run_show(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
