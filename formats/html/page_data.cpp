#include "formats/html/page_data.hpp"


#include "formats/html/chart_data.hpp"
#include "formats/html/flame_data.hpp"
#include "formats/html/sides.hpp"
#include "formats/html/table_data.hpp"
#include "formats/report/report.hpp"
#include "formats/report/screen.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxListed = 200;  // of every list in the report: functions, losses, marks

// The report's lists, cut.
Json bounded(const Json& value) {
  if (!value.is_structured()) return value;
  Json out = value.is_array() ? Json::array() : Json::object();
  std::size_t count = 0;
  for (const auto& [key, one] : value.items()) {
    if (++count > kMaxListed) break;
    if (value.is_array()) out.push_back(bounded(one));
    else out[key] = bounded(one);
  }
  return out;
}

Json marks(const View& view) {
  Json list = Json::array();
  for (const LifeEvent& event : view.timeline.life)
    if (event.kind == LifeKind::kMark && view.in_range(event.time) && list.size() < kMaxListed)
      list.push_back({{"at_s", view.at(event.time)}, {"text", shown(event.text, 120)}});
  return list;
}

std::string last_part(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  if (end == std::string::npos) return path;
  const std::size_t slash = path.rfind('/', end);
  return path.substr(slash == std::string::npos ? 0 : slash + 1, end - (slash == std::string::npos ? 0 : slash + 1) + 1);
}

}  // namespace

Json page_data(const Bundle& bundle, const FrameNames& names, std::string_view onset) {
  const View view(bundle.manifest, bundle.timeline, names);
  const Json report = Json::parse(report_json(bundle, names, onset));  // our own text: the one place that makes it
  const Sides sides = Sides::of(view, report.at("onset"));
  NameTable table;

  Json data;
  data["bundle"] = shown(last_part(bundle.path));
  data["fdr"] = shown(bundle.manifest.fdr_version);
  data["backend"] = shown(bundle.manifest.backend);
  data["report"] = shown(bounded(report), 2'000);
  data["obtained"] = shown(obtained_text(bundle.manifest));
  data["sure"] = shown(completeness_text(bundle.manifest));
  data["losses"] = Json::array();
  for (const std::string& loss : loss_sentences(bundle.manifest, bundle.problems))
    if (data["losses"].size() < kMaxListed) data["losses"].push_back(shown(loss));
  data["sides"] = {{"known", sides.known}, {"onset_known", sides.onset_known}, {"onset_s", sides.onset_s}, {"until_s", sides.until_s},
                   {"begin_s", sides.begin_s}, {"end_s", sides.end_s}};
  data["marks"] = marks(view);
  std::size_t without_points = 0;
  data["metrics"] = chart_data(view, without_points);
  data["metrics_left_out"] = without_points;
  data["flames"] = flame_data(view, sides, table);
  data["tables"] = table_data({bundle, view}, table);
  data["names"] = table.json();
  return data;
}

std::string script_json(const Json& json) {
  const std::string text = dump_json_line(json);
  std::string out;
  out.reserve(text.size() + text.size() / 16);
  // All of these stand in strings only, where a \u escape means the same.
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '<') out += "\\u003c";
    else if (text[i] == '>') out += "\\u003e";
    else if (text[i] == '&') out += "\\u0026";
    else if (text.compare(i, 3, "\xe2\x80\xa8") == 0) out += "\\u2028", i += 2;
    else if (text.compare(i, 3, "\xe2\x80\xa9") == 0) out += "\\u2029", i += 2;
    else out += text[i];
  }
  return out;
}

}  // namespace fdr
