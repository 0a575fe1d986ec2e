#include "recorder/commands/reading.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "formats/compare/baseline.hpp"
#include "formats/error.hpp"
#include "formats/figures/module_notes.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/text.hpp"
#include "recorder/commands/progress.hpp"
#include "recorder/system/silent_files.hpp"
#include "unwind/symbolizer.hpp"

namespace fdr {
namespace {

int columns_of_environment(int otherwise) {
  const char* text = std::getenv("COLUMNS");
  if (!text) return otherwise;
  int columns = 0;
  const auto [end, error] = std::from_chars(text, text + std::strlen(text), columns);
  return error == std::errc() && *end == '\0' && columns >= 40 && columns <= 1000 ? columns : otherwise;
}

}  // namespace

void add_reading_options(CLI::App& command, ReadingOptions& options) {
  command.add_option("BUNDLE", options.bundle, "the bundle's directory (*.fdr, or *.fdr.partial), or the zip of fdr pack")->required();
  add_name_options(command, options);
}

void add_name_options(CLI::App& command, ReadingOptions& options) {
  // One value each time, so that BUNDLE and PART may follow it.
  command
      .add_option("--debug-dir", options.debug_dirs,
                  "look here for debug files (.build-id/xx/yyyy.debug); may be repeated")
      ->type_name("DIR")
      ->expected(1)
      ->take_all();
  command.add_option("--sysroot", options.sysroot, "look here for the binaries and libraries of the recorded host")
      ->type_name("DIR");
}

void add_baseline_option(CLI::App& command, ReadingOptions& options) {
  command.add_option("--baseline", options.baseline, "compare with this one of the bundle's baselines (fdr show BUNDLE baselines), or with none")->type_name("NAME");
}

void add_filter_options(CLI::App& command, ShowFilter& filter) {
  command.add_option("--pid", filter.pid, "only this process")->type_name("PID");
  command.add_option("--thread", filter.thread, "only this thread")->type_name("TID");
  command.add_option("--from", filter.from_s, "seconds from the firing, negative before it")->type_name("S");
  command.add_option("--to", filter.to_s, "seconds from the firing")->type_name("S");
}

OpenedBundle open_with_names(const ReadingOptions& options) {
  OpenedBundle opened{BundlePath(options.bundle), {}, {}, {}};
  {
    const Progress progress("reading");
    opened.bundle = read_bundle(opened.path.bundle());
    if (options.compare) compare_with_baseline(opened.bundle, options.baseline);
  }
  const Progress progress("looking up names");
  const StackTable& stacks = opened.bundle.timeline.stacks;
  const ModuleSearch search{.debug_dirs = options.debug_dirs, .sysroot = options.sysroot, .answers = answers};
  Symbols symbols = symbolize(stacks, search, slices_of(stacks, opened.bundle.modules));
  opened.bundle.naming = std::move(symbols.modules);
  opened.module_notes = module_notes(opened.bundle.timeline, opened.bundle.naming);
  opened.names = std::move(symbols.names);
  return opened;
}

std::string OpenedBundle::told(std::string text, const std::string& given) const {
  if (path.pack().empty()) return text;
  for (std::size_t at = 0; (at = text.find(bundle.path, at)) != std::string::npos; at += given.size()) text.replace(at, bundle.path.size(), printable(given));
  return text;
}

ReportStyle terminal_style(bool no_color, int otherwise) {
  ReportStyle style;
  if (::isatty(STDOUT_FILENO) == 0) {
    style.columns = columns_of_environment(otherwise);
    return style;
  }
  winsize size{};
  style.columns =
      ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : columns_of_environment(80);
  const char* forbidden = std::getenv("NO_COLOR");  // no-color.org: any value that is not empty
  const char* term = std::getenv("TERM");
  style.color = !no_color && !(forbidden && *forbidden) && term && std::strcmp(term, "dumb") != 0;
  return style;
}

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw system_error("write to stdout", errno);
}

void write_file(const std::string& path, std::string_view bytes) {
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600));
  if (!fd.valid()) throw system_error("write " + path, errno);
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw system_error("write " + path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

}  // namespace fdr
