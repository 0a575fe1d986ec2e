// Rows about the bundle itself: metrics, rings, manifest, ledger, files.
#include <cmath>

#include "formats/error.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxDoctorBytes = 256u << 10;

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

}  // namespace

std::string latest_text(const Bundle& bundle, const std::string& before, const std::string& after) {
  std::string text;
  for (const char* moment : {"after", "at", "before"}) {
    const std::string file = before + moment + after;
    if (text.empty() && bundle.manifest.files.count(file)) text = read_bundle_text(bundle.path, file).value_or("");
  }
  return text;
}

Json metric_part_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const MetricRow& row : metric_rows(in.view)) {
    Json points = Json::array();
    for (const auto& [time, value] : row.points) points.push_back({in.view.at(time), value});
    const Timestamp from = row.points.front().first, to = row.points.back().first;
    rows.push_back({{"name", valid_utf8(row.series->name)},
                    {"unit", unit_name(row.series->unit)},
                    {"kind", row.series->kind == MetricKind::kCounter ? "rate" : "gauge"},
                    {"min", finite(row.min)},
                    {"median", finite(row.typical)},
                    {"max", finite(row.max)},
                    {"at_trigger", finite(row.at_firing)},
                    {"min_text", metric_text(row.min, *row.series)},
                    {"max_text", metric_text(row.max, *row.series)},
                    {"at_trigger_text", metric_text(row.at_firing, *row.series)},
                    {"sparkline", sparkline(row, from, to, 24)},
                    {"points", std::move(points)}});
  }
  return rows;
}

Json ring_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const auto& [name, ring] : in.view.manifest.rings)
    rows.push_back({{"ring", valid_utf8(name)},
                    {"asked_s", finite(ring.asked_s)},
                    {"obtained_s", finite(ring.obtained_s)},
                    {"recorded", ring.recorded},
                    {"kept", ring.kept},
                    {"overwritten", ring.overwritten},
                    {"dropped", ring.dropped},
                    {"missed", ring.missed},
                    {"torn", ring.torn}});
  return rows;
}

Json manifest_rows(const PartInput& in) { return Json::array({Json::parse(to_json(in.view.manifest))}); }

Json ledger_rows(const PartInput& in) {
  const auto text = read_bundle_text(in.bundle.path, "ledger.ndjson");
  if (!text) throw Error("this bundle holds no ledger.ndjson");
  Json rows = Json::array();
  std::string_view left = *text;
  for (std::size_t line = 1; !left.empty(); ++line) {
    const std::size_t end = left.find('\n');
    const std::string_view one = left.substr(0, end);
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    if (one.empty()) continue;
    try {
      Json row(parse_json(one, "line " + std::to_string(line)));
      if (!row.is_object()) throw Error("line " + std::to_string(line) + " is no object");
      const auto time = row.find("monotonic_ns");
      row["at_s"] = time != row.end() && time->is_number_integer() ? Json(in.view.at(from_ns(time->get<std::int64_t>()))) : Json(nullptr);
      rows.push_back(std::move(row));
    } catch (const Error& error) {
      rows.push_back({{"event", "damaged"}, {"damaged", error.what()}, {"text", error.what()}});  // one bad line is no reason to hide the others
    }
  }
  return rows;
}

// What `fdr doctor` would have said when the recorder began.
Json doctor_rows(const PartInput& in) {
  Json rows = Json::array();
  if (!in.bundle.manifest.files.count("doctor.json")) return rows;
  const auto text = read_bundle_text(in.bundle.path, "doctor.json", kMaxDoctorBytes);
  if (!text) return rows;
  const auto checks = parse_json(*text, "doctor.json");
  for (const auto& check : checks.is_array() ? checks : nlohmann::json::array()) {
    if (!check.is_object()) continue;
    Json row;
    for (const char* key : {"check", "value", "verdict", "effect", "remedy"}) {
      const auto said = check.find(key);
      row[key] = said != check.end() && said->is_string() ? valid_utf8(said->get<std::string>()) : "";
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

Json file_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const auto& [path, sum] : in.view.manifest.files)
    rows.push_back({{"path", valid_utf8(path)}, {"sha256", valid_utf8(sum)}});
  return rows;
}

}  // namespace fdr
