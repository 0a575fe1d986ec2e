// What changed between two stretches of time: the quiet part and the incident of one bundle, or two bundles, of one host or
// of two. Everything is per second, so that stretches of different length compare: stacks, functions and threads in percent
// of a CPU over the seconds with clock samples, calls and failures a second, metrics as means. Matched by name, never by address or pid. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/stacks.hpp"
#include "formats/table.hpp"

namespace fdr {

struct DiffInput {
  const Bundle& bundle;
  const FrameNames& names;
};

// One line of a comparison. NaN: not known on that side.
struct DiffRow {
  std::string name;
  std::vector<std::string> stack;  // of stacks: outermost first
  double base = 0, now = 0;
  double base_errors = 0, now_errors = 0;  // of system calls: failed ones a second
  double base_each_ns = 0, now_each_ns = 0;  // of system calls: wall time of one
  std::string base_text, now_text;         // with the unit
  double gain() const { return now - base; }
};

struct DiffPart {
  const char* name;   // "stacks", "functions", "syscalls", "failed", "threads", "metrics"
  const char* unit;   // of base and now
  std::vector<DiffRow> rows;  // what moved most first
};

struct Difference {
  std::string base, now;  // what is compared, for people
  double base_s = 0, now_s = 0;
  std::vector<DiffPart> parts;
};

// The quiet part, or the baseline that the recording is compared with, against the incident. Throws Error where there is neither, or
// where less than a second was quiet.
Difference diff_within(const DiffInput& input, std::string_view onset = {});

// The whole of `base` against the incident of `now`, or its whole window where its onset is unknown.
Difference diff_bundles(const DiffInput& base, const DiffInput& now, std::string_view onset = {});

std::string diff_text(const Difference& difference, const ReportStyle& style);
std::string diff_json(const Difference& difference);

}  // namespace fdr
