// The user's logs of a bundle (logs.ndjson, FORMAT.md 1.3): checked when read, and grouped into templates with how often each came before
// and since the onset. For `fdr show`, the report and its finding. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct LogHead {
  std::string name, place, problem, skipped;
  Timestamp since{};         // from here on its lines are all there
  std::uint64_t lines = 0;   // that the recorder read in all
};

struct LogEntry {
  Timestamp time;
  std::string source, text;
};

struct Logs {
  std::vector<LogHead> heads;
  std::vector<LogEntry> lines;  // in the order of time
  std::size_t damaged = 0;      // lines of the file that could not be read, or were too many
};
Logs read_logs(std::string_view ndjson);

// Quiet is [from, begin), the incident [begin, end]. Where the onset is not known `begin` is `from`, and a rate is of the time since a
// template was first seen: what was not there before it would make it small.
struct LogSpan {
  Timestamp from, begin, end;
};

struct LogGroup {
  std::string source, text;  // the template
  std::string example;       // the last line of it
  std::uint64_t quiet = 0, incident = 0;
  Timestamp first, last;
  double rate = 0;                    // a second, in the incident
  std::optional<double> rate_before;  // nothing where there is no quiet part, or its lines are not kept
};
// Most often in the incident first. Templates beyond two thousand are one group.
std::vector<LogGroup> group_logs(const Logs& logs, const LogSpan& span);

}  // namespace fdr
