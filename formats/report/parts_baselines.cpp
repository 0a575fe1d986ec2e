// Rows of `fdr show baselines`: the quiet slices that the bundle carries, the youngest first.
#include "formats/compare/baseline.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {

Json baseline_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const Baseline& one : baselines_of(in.bundle))
    rows.push_back({{"name", valid_utf8(one.name)}, {"kind", one.kind}, {"time", one.end_realtime_ns ? Json(utc_text(one.end_realtime_ns)) : Json(nullptr)}, {"before_s", one.before_s},
                    {"before", ago_text(one.before_s)}, {"seconds", one.seconds}, {"samples", one.samples}, {"note", valid_utf8(one.problem.empty() ? one.note : one.problem)},
                    {"problem", one.problem.empty() ? Json(nullptr) : Json(valid_utf8(one.problem))}});
  return rows;
}

}  // namespace fdr
