#include "formats/compare/common.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>

#include "formats/error.hpp"
#include "formats/findings/findings.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// By how much one figure moved, as a number that compares with others of its part; 0: not by enough to be more than noise.
double move_of(std::string_view part, const DiffRow& row) {
  if (!std::isfinite(row.base) || !std::isfinite(row.now)) return 0;
  const double gain = row.gain();
  if (part == "metrics") {  // up or down, by a fifth of its size
    const double size = std::max(std::abs(row.base), std::abs(row.now));
    return size > 0 && std::abs(gain) >= 0.2 * size ? gain / size : 0;
  }
  const bool rate = part == "syscalls" || part == "failed";
  const double least = part == "failed" ? 0.1 : 1;  // calls a second; else % of a CPU
  return gain >= least && row.now >= (rate ? 2 : 1.5) * row.base ? gain : 0;
}

using Key = std::pair<std::string, std::vector<std::string>>;

CommonPart shared(const char* name, const std::vector<const DiffPart*>& parts) {
  CommonPart result{name, parts.front()->unit, {}};
  std::vector<std::map<Key, const DiffRow*>> rows;
  for (const DiffPart* part : parts) {
    rows.emplace_back();
    for (const DiffRow& row : part->rows) rows.back()[{row.name, row.stack}] = &row;
  }
  std::vector<std::pair<double, CommonRow>> found;
  for (const auto& [key, first] : rows.front()) {
    CommonRow row{key.first, key.second, {}};
    double weakest = INFINITY;
    const bool up = move_of(name, *first) > 0;
    for (const auto& of_firing : rows) {
      const auto there = of_firing.find(key);
      const double move = there == of_firing.end() ? 0 : move_of(name, *there->second);
      if (move == 0 || (move > 0) != up) break;
      weakest = std::min(weakest, std::abs(move));
      row.in.push_back(*there->second);
    }
    if (row.in.size() == rows.size()) found.emplace_back(weakest, std::move(row));
  }
  std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  for (auto& [weakest, row] : found) result.rows.push_back(std::move(row));
  return result;
}

}  // namespace

FiringProfile firing_of(const DiffInput& input) {
  const Bundle& bundle = input.bundle;
  FiringProfile firing;
  firing.name = printable(bundle.path.substr(bundle.path.rfind('/') + 1));
  firing.rule = printable(bundle.manifest.trigger.name);
  firing.time = utc_text(bundle.manifest.trigger.realtime_ns);
  firing.samples = bundle.manifest.stacks.samples;
  const View view(bundle.manifest, bundle.timeline, input.names);
  for (Finding& finding : judge(view, texts_of(bundle)).findings)
    if (finding.verdict == Verdict::kFor) firing.findings.push_back(std::move(finding));
  try {
    firing.moved = diff_within(input);
  } catch (const Error& error) {
    firing.problem = error.what();
  }
  return firing;
}

Common common_of(const std::vector<FiringProfile>& firings) {
  Common common;
  if (firings.empty()) return common;
  for (const Finding& finding : firings.front().findings) {
    std::vector<Finding> same;
    for (const FiringProfile& firing : firings) {
      const auto there = std::find_if(firing.findings.begin(), firing.findings.end(), [&](const Finding& f) { return f.id == finding.id; });
      if (there != firing.findings.end()) same.push_back(*there);
    }
    if (same.size() == firings.size()) common.findings.push_back(std::move(same));
  }
  std::vector<const Difference*> moved;
  for (const FiringProfile& firing : firings)
    if (firing.moved) moved.push_back(&*firing.moved);
  common.compared = moved.size();
  if (moved.size() < 2) return common;
  for (std::size_t i = 0; i < moved.front()->parts.size(); ++i) {  // the same parts in every one
    std::vector<const DiffPart*> parts;
    for (const Difference* difference : moved) parts.push_back(&difference->parts.at(i));
    common.parts.push_back(shared(moved.front()->parts[i].name, parts));
  }
  return common;
}

}  // namespace fdr
