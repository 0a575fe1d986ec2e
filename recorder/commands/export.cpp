// fdr export BUNDLE --format F: the recording for other tools.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>

#include "formats/error.hpp"
#include "formats/export/csv.hpp"
#include "formats/export/folded.hpp"
#include "formats/export/module_symbols.hpp"
#include "formats/export/ndjson.hpp"
#include "formats/export/perf_script.hpp"
#include "formats/export/pprof.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/progress.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {
namespace {

constexpr const char* kDescription = R"(the recording for other tools

Examples:
  fdr export BUNDLE --format folded | flamegraph.pl > flames.svg
  fdr export BUNDLE --format perfetto -o trace.pftrace    for ui.perfetto.dev, with names
  fdr export BUNDLE --format pprof -o cpu.pb.gz           for go tool pprof, speedscope.app
  fdr export BUNDLE --format perf-script -o samples.txt   for FlameScope, the Firefox Profiler
  fdr export BUNDLE --format csv --from -5 --to 1         the metrics around the firing
  fdr export BUNDLE --format ndjson -o rows.ndjson        for ClickHouse (examples/fleet), duckdb, jq

Formats:
  perfetto     the whole recording, names of functions appended
  pprof        stacks with names; samples, CPU time, time off the CPU, memory growth
  pprof-raw    the same by build-id and address, for tools that look names up themselves
  folded       stacks on CPU, one a line
  perf-script  samples on CPU, as perf script prints them
  csv          metrics, a row for each time and name
  ndjson       the judgement, and everything that `fdr show` has but single calls: rows of one schema (FORMAT.md))";

constexpr std::size_t kMaxTraceBytes = 1u << 30;

struct ExportOptions {
  ReadingOptions reading;
  ShowFilter filter;
  std::string format;
  std::string output = "-";
};

// The trace as it is, and names for it. One that was cut stays as it is: nothing can stand behind its end.
std::string perfetto_trace(const ExportInput& in) {
  const ShowFilter& filter = in.view.filter();
  if (filter.pid || filter.thread || filter.from_s || filter.to_s)
    throw Error("--pid, --thread, --from and --to do not apply to perfetto: the trace is exported whole");
  auto trace = read_bundle_text(in.bundle.path, "trace.pftrace", kMaxTraceBytes);
  if (!trace) throw Error(in.bundle.path + " holds no trace.pftrace");
  for (const std::string& problem : in.bundle.problems)
    if (problem.starts_with("trace.pftrace")) {
      fmt::print(stderr, "fdr: {}: no names are appended\n", printable(problem));
      return *trace;
    }
  return *trace + module_symbols(in.view.timeline, in.names);
}

struct Format {
  const char* name;
  std::string (*make)(const ExportInput&);
  bool binary;
  bool judges = false;  // and compares with a baseline for that, as the report does
};

constexpr std::array kFormats = {
    Format{"perfetto", perfetto_trace, true},
    Format{"pprof", [](const ExportInput& in) { return export_pprof(in, PprofFlavour::kNamed); }, true},
    Format{"pprof-raw", [](const ExportInput& in) { return export_pprof(in, PprofFlavour::kRaw); }, true},
    Format{"folded", export_folded, false},
    Format{"perf-script", export_perf_script, false},
    Format{"csv", export_csv, false},
    Format{"ndjson", export_ndjson, false, true},
};

std::vector<std::string> format_names() {
  std::vector<std::string> names;
  for (const Format& format : kFormats) names.emplace_back(format.name);
  return names;
}

void run_export(const ExportOptions& options) {
  const Format& format = *std::find_if(kFormats.begin(), kFormats.end(), [&](const Format& f) { return f.name == options.format; });
  const bool to_stdout = options.output == "-";
  if (format.binary && to_stdout && ::isatty(STDOUT_FILENO))
    throw Error(options.format + " is binary and stdout is a terminal", "name a file with -o FILE");
  ReadingOptions reading = options.reading;
  reading.compare = format.judges;
  const OpenedBundle opened = open_with_names(reading);
  const View view(opened.bundle.manifest, opened.bundle.timeline, opened.names, options.filter);
  std::string bytes;
  {
    const Progress progress("exporting");
    bytes = format.make({opened.bundle, opened.names, view, reading.bundle});
  }
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
  command->add_option("--format", options->format, "one of the above")->required()->check(CLI::IsMember(format_names()));
  command->add_option("-o,--output", options->output, "a file, or - for stdout")->type_name("FILE");
  add_filter_options(*command, options->filter);
  command->callback([options, &exit_code] {
    run_export(*options);
    exit_code = 0;
  });
}

}  // namespace fdr
