// What several firings share and no quiet part has: findings that speak in all of them, and what moved the same way in each from
// its quiet part to its incident (stacks, functions, calls, failures, metrics). A firing without a quiet part takes no part in the
// comparison, and is named with the reason; what is compared in fewer than two is said to be so. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/compare/diff.hpp"
#include "formats/findings/finding.hpp"

namespace fdr {

struct FiringProfile {
  std::string name;  // of the bundle
  std::string rule, time;
  std::uint64_t samples = 0;        // of the targets, in the whole window
  Findings findings;                // those that speak
  std::optional<Difference> moved;  // quiet part against incident
  std::string problem;              // why there is none
};
FiringProfile firing_of(const DiffInput& input);

struct CommonRow {
  std::string name;
  std::vector<std::string> stack;  // of stacks: outermost first
  std::vector<DiffRow> in;         // of each compared firing, in their order
};
struct CommonPart {
  const char* name;  // as diff has it
  const char* unit;
  std::vector<CommonRow> rows;  // what moved most where it moved least, first
};
struct Common {
  std::vector<std::vector<Finding>> findings;  // of each id that speaks in all: the finding of each firing
  std::vector<CommonPart> parts;
  std::size_t compared = 0;
};
Common common_of(const std::vector<FiringProfile>& firings);

std::string common_text(const std::vector<FiringProfile>& firings, const ReportStyle& style);
std::string common_json(const std::vector<FiringProfile>& firings);

}  // namespace fdr
