// fdr export BUNDLE --format F: the recording for other tools.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "formats/error.hpp"
#include "formats/export/folded.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(the recording for other tools

Examples:
  fdr export BUNDLE --format folded | flamegraph.pl > flames.svg
  fdr export BUNDLE --format folded -o stacks.folded      for speedscope.app
  fdr export BUNDLE --format perfetto -o trace.pftrace    for ui.perfetto.dev)";

constexpr std::size_t kMaxTraceBytes = 1u << 30;

struct ExportOptions {
  ReadingOptions reading;
  std::string format;
  std::string output = "-";
};

std::string exported(const ExportOptions& options) {
  if (options.format == "folded") {
    const OpenedBundle opened = open_with_names(options.reading);
    return export_folded(opened.bundle.timeline, opened.names);
  }
  const auto trace = read_bundle_text(options.reading.bundle, "trace.pftrace", kMaxTraceBytes);
  if (!trace) throw Error(options.reading.bundle + " holds no trace.pftrace");
  return *trace;
}

void run_export(const ExportOptions& options) {
  const bool to_stdout = options.output == "-";
  if (options.format == "perfetto" && to_stdout && ::isatty(STDOUT_FILENO))
    throw Error("a trace is binary and stdout is a terminal", "name a file with -o FILE");
  const std::string bytes = exported(options);
  if (to_stdout) {
    print(bytes);
  } else {
    write_file(options.output, bytes);
  }
}

}  // namespace

void add_export(CLI::App& app, int& exit_code) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command = app.add_subcommand("export", kDescription);
  add_reading_options(*command, options->reading);
  command->add_option("--format", options->format, "folded (flame graphs) or perfetto (the trace itself)")
      ->required()
      ->check(CLI::IsMember({"folded", "perfetto"}));
  command->add_option("-o,--output", options->output, "a file, or - for stdout")->type_name("FILE");
  command->callback([options, &exit_code] {
    run_export(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
