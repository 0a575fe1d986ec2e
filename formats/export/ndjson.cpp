#include "formats/export/ndjson.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <filesystem>

#include "formats/compare/diff.hpp"
#include "formats/error.hpp"
#include "formats/figures/logs.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/findings/findings.hpp"
#include "formats/findings/grade.hpp"
#include "formats/pack/signature.hpp"
#include "formats/report/parts.hpp"
#include "formats/sha256.hpp"
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
    PartRows{"event", timeline_rows, "kind", "times"},
};

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return valid_utf8(text);
}

// The last part of what it was called by, be it "dir/" or a zip.
std::string bundle_name(const ExportInput& in) {
  const std::filesystem::path path = in.called.empty() ? in.bundle.path : in.called;
  return valid_utf8((path.has_filename() ? path : path.parent_path()).filename().string());
}

class Rows {
 public:
  explicit Rows(const ExportInput& in)
      : in_(in),
        begin_(fmt::format(R"({{"bundle":{},"host":{},"time":)",
                           dump_json_line(Json(bundle_name(in))),
                           dump_json_line(Json(valid_utf8(in.view.manifest.host.name))))),
        fired_(in.view.utc(in.view.fired())),
        judgement_(judge(in.view, texts_of(in.bundle))) {}

  void add(const char* kind, const std::string& time, const Json& name, const Json& value, const Json& labels) {
    out_ += line(kind, time, name, value, labels);
    ++count_;
  }

  void trigger() {
    const Manifest::Trigger& t = in_.view.manifest.trigger;
    add("trigger", fired_, valid_utf8(t.name), finite(t.value),
        {{"when", valid_utf8(t.when)}, {"value_text", valid_utf8(t.value_text)}, {"evidence", valid_utf8(t.evidence)}});
  }

  void findings() {
    for (const Finding& finding : judgement_.findings)
      add("finding", fired_, valid_utf8(finding.id), finding.score,
          {{"verdict", verdict_name(finding.verdict)},
           {"title", valid_utf8(finding.title)},
           {"evidence", valid_utf8(finding.evidence)},
           {"more", valid_utf8(finding.more)}});
  }

  // Of the whole recording, whatever part of it was asked for: it is to be the same elsewhere.
  void signature() {
    const ShowFilter& filter = in_.view.filter();
    const bool whole = !filter.pid && !filter.thread && !filter.from_s && !filter.to_s;
    const Signature signature = whole ? signature_of(in_.view, judgement_.findings) : signature_of(in_.bundle, in_.names);
    Json stack = Json::array();
    for (auto function = signature.stack.rbegin(); function != signature.stack.rend(); ++function) stack.push_back(valid_utf8(*function));
    add("signature", fired_, signature.id(), 1, {{"findings", joined(signature.findings, ",")}, {"stack", std::move(stack)}});
  }

  // What differs between the quiet part and the incident of the whole recording; nothing where there is no quiet part.
  void changes() {
    Difference difference;
    try {
      difference = diff_within({in_.bundle, in_.names});
    } catch (const Error&) {
      return;
    }
    for (const DiffPart& part : difference.parts)
      for (const DiffRow& row : part.rows) {
        if (row.base == row.now) continue;
        Json labels = {{"part", part.name},         {"unit", part.unit},           {"base", finite(row.base)},
                       {"now", finite(row.now)},    {"base_s", difference.base_s}, {"now_s", difference.now_s}};
        if (!row.stack.empty()) {
          labels["stack"] = Json::array();
          for (const std::string& function : row.stack) labels["stack"].push_back(valid_utf8(function));
        }
        add("change", fired_, valid_utf8(row.name), finite(row.gain()), labels);
      }
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
    if (in_.view.manifest.files.count("logs.ndjson") == 0) return;
    for (const LogEntry& entry : read_logs(read_bundle_text(in_.bundle.path, "logs.ndjson").value_or("")).lines)
      if (in_.view.in_range(entry.time)) add("log", in_.view.utc(entry.time), valid_utf8(entry.source), 1, {{"line", valid_utf8(entry.text)}});
  }

  // The bundle's own row first: it counts the others.
  std::string take() {
    const Manifest& m = in_.view.manifest;
    const std::string id = sha256_hex(read_bundle_text(in_.bundle.path, "manifest.json").value_or(to_json(m)));
    const Grade grade = grade_of(in_.bundle);
    const Onset& onset = judgement_.onset;
    const Json labels = {{"fdr", valid_utf8(m.fdr_version)},
                         {"kernel", valid_utf8(m.host.kernel)},
                         {"mode", valid_utf8(m.target.mode)},
                         {"targets", joined(m.target.names, ",")},
                         {"grade", grade.word},
                         {"why", joined(grade.reasons, "; ")},
                         {"from", in_.view.utc(in_.view.from())},
                         {"to", in_.view.utc(in_.view.to())},
                         {"onset", onset.known ? Json(in_.view.utc(onset.time)) : Json(nullptr)}};
    return line("bundle", fired_, id, count_, labels) + out_;
  }

 private:
  std::string line(const char* kind, const std::string& time, const Json& name, const Json& value, const Json& labels) const {
    return begin_ + fmt::format(R"({},"kind":"{}","name":{},"value":{},"labels":{}}})" "\n", dump_json_line(Json(time)), kind, dump_json_line(name),
                                dump_json_line(value), dump_json_line(labels));
  }

  const ExportInput& in_;
  const std::string begin_, fired_;
  const Judgement judgement_;
  std::size_t count_ = 0;
  std::string out_;
};

}  // namespace

std::string export_ndjson(const ExportInput& in) {
  Rows rows(in);
  rows.trigger();
  rows.findings();
  rows.signature();
  rows.changes();
  for (const PartRows& part : kParts) rows.part(part);
  rows.logs();
  rows.metrics();
  return rows.take();
}

}  // namespace fdr
