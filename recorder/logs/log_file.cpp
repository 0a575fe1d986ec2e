#include "recorder/logs/log_file.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/json_writer.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct NamedLine {
  const LogLine* line;
  const std::string* log;
};

}  // namespace

LogFile make_log_file(const std::vector<LogCopy>& at_firing, const std::vector<LogCopy>& at_end, Timestamp begin, const ClockAnchor& anchor) {
  LogFile file;
  std::vector<NamedLine> all;
  for (std::size_t i = 0; i < at_end.size(); ++i) {
    const LogCopy& end = at_end[i];
    const LogCopy* first = i < at_firing.size() ? &at_firing[i] : nullptr;
    std::uint64_t newest = 0;
    Timestamp since = std::max(begin, end.since);
    if (first) {
      for (const LogLine& line : first->lines) all.push_back({&line, &end.name});
      if (!first->lines.empty()) newest = first->lines.back().number;
      // Where the second copy goes on where the first ended, nothing is missing between them.
      if (end.lines.empty() || end.lines.front().number <= newest + 1) since = std::max(begin, first->since);
    }
    for (const LogLine& line : end.lines)
      if (line.number > newest) all.push_back({&line, &end.name});
    file.text += json_line([&](JsonWriter& head) {
      head.field("log", end.name);
      head.field("place", end.place);
      head.field("since_ns", to_ns(since));
      head.field("lines", end.all);
      head.field("counted", end.counted);
      head.field("cut", end.cut);
      head.field("skipped", end.skipped);
      head.field("problem", end.problem);
    });
    const std::string of = fmt::format("log {} ({}): ", end.name, valid_utf8(end.place));
    if (!end.problem.empty()) file.losses.push_back(of + valid_utf8(end.problem));
    if (!end.skipped.empty()) file.losses.push_back(of + valid_utf8(end.skipped));
    if (end.cut) file.losses.push_back(of + fmt::format("{} lines were cut at 4 KB", end.cut));
    if (since > begin) file.losses.push_back(of + fmt::format("it said more than is kept: the first {} of the window are missing or not whole", duration_text(since - begin)));
  }
  std::stable_sort(all.begin(), all.end(), [](const NamedLine& a, const NamedLine& b) { return a.line->time < b.line->time; });
  for (const auto& [line, log] : all) {
    file.text += json_line([&](JsonWriter& row) {
      row.field("time", utc_text(anchor.realtime_of(line->time)));
      row.field("monotonic_ns", to_ns(line->time));
      row.field("source", *log);
      row.field("text", *line->text);
    });
  }
  return file;
}

}  // namespace fdr
