// Rows of `fdr show logs`: templates of the user's logs, with their rates.
#include "formats/figures/logs.hpp"
#include "formats/figures/onset.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {

Json log_rows(const PartInput& in) {
  Json rows = Json::array();
  if (in.bundle.manifest.files.count("logs.ndjson") == 0) return rows;
  const Logs logs = read_logs(read_bundle_text(in.bundle.path, "logs.ndjson").value_or(""));
  const View& view = in.view;
  const Onset onset = find_onset(view.manifest, view.timeline);
  const Timestamp begin = onset.known ? std::clamp(onset.time, view.from(), view.to()) : view.from();
  for (const LogGroup& group : group_logs(logs, {view.from(), begin, view.to()}))
    rows.push_back({{"template", group.text}, {"source", group.source}, {"count", group.quiet + group.incident}, {"rate", group.rate},
                    {"rate_before", group.rate_before ? Json(*group.rate_before) : Json(nullptr)}, {"first_s", view.at(group.first)}, {"last_s", view.at(group.last)},
                    {"example", group.example}});
  return rows;
}

}  // namespace fdr
