// What the reading commands share: options, opening a bundle with the names of its functions, the style of the
// terminal, and writing to stdout so that a full disk is noticed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/pack/bundle_path.hpp"
#include "formats/report/report.hpp"

namespace CLI {
class App;
}

namespace fdr {

struct ReadingOptions {
  std::string bundle;
  std::vector<std::string> debug_dirs;
  std::string sysroot;
  bool no_color = false;
  bool json = false;
  bool compare = false;   // with a baseline, where the window has no quiet part of its own
  std::string baseline;   // the one to compare with; empty: as needed, "none"
};

// BUNDLE, --debug-dir, --sysroot.
void add_reading_options(CLI::App& command, ReadingOptions& options);
// Only those of them that say where names are found.
void add_name_options(CLI::App& command, ReadingOptions& options);
// --baseline.
void add_baseline_option(CLI::App& command, ReadingOptions& options);
// --pid, --thread, --from, --to.
void add_filter_options(CLI::App& command, ShowFilter& filter);

struct OpenedBundle {
  BundlePath path;  // a zip is extracted for as long as this lives
  Bundle bundle;
  FrameNames names;
  std::vector<std::string> module_notes;  // how modules were named, and what would help

  // Commands that a text tells one to type name a pack's zip, not the private directory, which is gone by then.
  std::string told(std::string text, const std::string& given) const;
};

OpenedBundle open_with_names(const ReadingOptions& options);

// Of stdout: its width (COLUMNS and then `otherwise` where it is no terminal; 0 means no limit), colour unless
// NO_COLOR, TERM=dumb,
// --no-color or a pipe forbid it.
ReportStyle terminal_style(bool no_color, int otherwise);

void print(std::string_view text);
// Mode 0600 where it is new: it says as much as the bundle does.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace fdr
