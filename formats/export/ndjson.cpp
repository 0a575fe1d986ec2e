#include "formats/export/ndjson.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/findings/findings.hpp"
#include "formats/report/metrics.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// A part of `fdr show` as rows: which of its keys is the name, and which the value (none: 1, so that sums count rows).
struct PartRows {
  const char* kind;
  Json (*rows)(const PartInput&);
  const char* name;
  const char* value;
};

constexpr std::array kParts = {
    PartRows{"stack", stack_rows, nullptr, "samples"},  // named after its innermost function
    PartRows{"syscall", syscall_rows, "name", "calls"},
    PartRows{"slow", slow_rows, "name", "wall_ns"},
    PartRows{"failed", failed_rows, "name", "calls"},
    PartRows{"stall", stall_rows, "kind", "length_ns"},
    PartRows{"growth", growth_rows, "place", "held_bytes"},
    PartRows{"goroutine", goroutine_rows, "function", "count"},
    PartRows{"thread", thread_rows, "thread", "on_cpu_ns"},
    PartRows{"process", process_rows, "process", nullptr},
    PartRows{"socket", socket_rows, "local", nullptr},
    PartRows{"module", module_rows, "path", "samples"},
};

class Rows {
 public:
  explicit Rows(const ExportInput& in)
      : in_(in),
        begin_(fmt::format(R"({{"bundle":{},"host":{},"time":)",
                           dump_json_line(Json(valid_utf8(in.bundle.path.substr(in.bundle.path.rfind('/') + 1)))),
                           dump_json_line(Json(valid_utf8(in.view.manifest.host.name))))),
        fired_(in.view.utc(in.view.fired())) {}

  void add(const char* kind, const std::string& time, const Json& name, const Json& value, const Json& labels) {
    out_ += begin_;
    out_ += fmt::format(R"({},"kind":"{}","name":{},"value":{},"labels":{}}})" "\n", dump_json_line(Json(time)), kind,
                        dump_json_line(name), dump_json_line(value), dump_json_line(labels));
  }

  void trigger() {
    const Manifest::Trigger& t = in_.view.manifest.trigger;
    add("trigger", fired_, valid_utf8(t.name), std::isfinite(t.value) ? Json(t.value) : Json(nullptr),
        {{"when", valid_utf8(t.when)}, {"value_text", valid_utf8(t.value_text)}, {"evidence", valid_utf8(t.evidence)}});
  }

  void findings() {
    for (const Finding& finding : judge(in_.view, texts_of(in_.bundle)).findings)
      add("finding", fired_, valid_utf8(finding.id), finding.score,
          {{"verdict", verdict_name(finding.verdict)},
           {"title", valid_utf8(finding.title)},
           {"evidence", valid_utf8(finding.evidence)},
           {"more", valid_utf8(finding.more)}});
  }

  void metrics() {
    for (const MetricSeries& series : in_.view.timeline.metrics) {
      const Json name = valid_utf8(series.name);
      const Json labels = {{"unit", unit_name(series.unit)}, {"type", series.kind == MetricKind::kCounter ? "counter" : "gauge"}};
      for (const MetricSeries::Point& point : series.points)
        if (in_.view.in_range(point.time) && std::isfinite(point.value))
          add("metric", in_.view.utc(point.time), name, point.value, labels);
    }
  }

  void part(const PartRows& part) {
    for (const Json& row : part.rows({in_.bundle, in_.view})) {
      Json name = "", value = 1, labels = Json::object();
      std::string time = fired_;
      for (const auto& [key, field] : row.items()) {
        if (part.name && key == part.name) name = field;
        else if (part.value && key == part.value) value = field;
        else if (key == "time") time = field.get<std::string>();
        else labels[key] = field;
      }
      if (!part.name && !row.at("stack").empty()) name = row.at("stack").back();
      add(part.kind, time, name, value, labels);
    }
  }

  void logs() {
    constexpr std::string_view kFolder = "logs/";
    for (const auto& [path, sum] : in_.view.manifest.files) {
      if (!path.starts_with(kFolder)) continue;
      const std::string text = read_bundle_text(in_.bundle.path, path).value_or("");
      for (std::string_view rest = text; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (!line.empty()) add("log", fired_, valid_utf8(path.substr(kFolder.size())), 1, {{"line", valid_utf8(line)}});
      }
    }
  }

  std::string take() { return std::move(out_); }

 private:
  const ExportInput& in_;
  const std::string begin_, fired_;
  std::string out_;
};

}  // namespace

std::string export_ndjson(const ExportInput& in) {
  Rows rows(in);
  rows.trigger();
  rows.findings();
  for (const PartRows& part : kParts) rows.part(part);
  rows.logs();
  rows.metrics();
  return rows.take();
}

}  // namespace fdr
