#include "formats/export/csv.hpp"

#include <fmt/format.h>

#include <cmath>

#include "formats/figures/metrics.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace

std::string export_csv(const ExportInput& in) {
  std::string out = "time,at_s,monotonic_ns,name,unit,kind,value\r\n";
  for (const MetricSeries& series : in.view.timeline.metrics) {
    const std::string described = fmt::format("{},{},{}", field(printable(series.name)), unit_name(series.unit),
                                              series.kind == MetricKind::kCounter ? "counter" : "gauge");
    for (const MetricSeries::Point& point : series.points)
      if (in.view.in_range(point.time) && std::isfinite(point.value))
        out += fmt::format("{},{},{},{},{}\r\n", in.view.utc(point.time), in.view.at(point.time), to_ns(point.time), described, point.value);
  }
  return out;
}

}  // namespace fdr
