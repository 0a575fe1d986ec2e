// A finding: one theory about the incident, judged by what was recorded: for, against, or not measurable here.
//
// `against` is as valuable as `for`: it spares the next person a week. Text is for people and has passed printable();
// every figure in it was measured in this window. `score` (0..1) orders what is for by how much it changed with the
// onset and how specific it is; it is no probability. Keys and ids are promises: add, never rename.
#pragma once

#include <string>
#include <vector>

namespace fdr {

enum class Verdict { kFor, kAgainst, kNotMeasurable };
const char* verdict_name(Verdict verdict);  // "for", "against", "not-measurable"

struct Finding {
  std::string id;     // "spin"
  Verdict verdict = Verdict::kNotMeasurable;
  std::string title;  // the theory in a few words, with who or where if it is for
  double score = 0;
  std::string evidence;
  std::string more;   // the command that shows more, with BUNDLE for the bundle's path
};

using Findings = std::vector<Finding>;

inline Finding speaks_for(std::string id, std::string title, double score, std::string evidence, std::string more = {}) {
  return {std::move(id), Verdict::kFor, std::move(title), score, std::move(evidence), std::move(more)};
}
inline Finding speaks_against(std::string id, std::string title, std::string evidence, std::string more = {}) {
  return {std::move(id), Verdict::kAgainst, std::move(title), 0, std::move(evidence), std::move(more)};
}
inline Finding not_measurable(std::string id, std::string title, std::string reason) {
  return {std::move(id), Verdict::kNotMeasurable, std::move(title), 0, std::move(reason), {}};
}

}  // namespace fdr
