// Rows of `fdr show movers`: who took most of the host in the last hour, a look each ten seconds.
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {

Json mover_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const HistoryMovers& look : bundle_history(in.bundle).movers) {
    const double at_s = static_cast<double>(look.time_ns - in.view.manifest.trigger.realtime_ns) * 1e-9;
    for (const HistoryMovers::Process& process : look.processes)
      rows.push_back({{"at_s", at_s}, {"time", utc_text(look.time_ns)}, {"span_s", to_seconds(look.span)}, {"process", valid_utf8(process.name)}, {"pid", process.pid},
                      {"cpu_percent", process.cpu_percent}, {"rss_bytes", process.rss_bytes}, {"io_bytes_s", process.io_bytes_s}, {"end", process.ended ? "ended" : ""}});
  }
  return rows;
}

}  // namespace fdr
