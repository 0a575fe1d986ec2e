#include "recorder/control/status_prometheus.hpp"

#include <fmt/format.h>

#include <vector>

#include "formats/text.hpp"

namespace fdr {
namespace {

using nlohmann::json;
using Labels = std::vector<std::pair<const char*, std::string>>;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    if (c == '\\' || c == '"') out += '\\';
    out += c;
  }
  return out;
}

// One metric with all its series: they must stand together.
class Family {
 public:
  Family(std::string& page, const char* name, const char* type, const char* help) : page_(page), name_(name), head_(fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type)) {}

  // What is not a number is not known, and has no series.
  void add(const Labels& labels, const json& value) {
    if (!value.is_number()) return;
    std::string text;
    for (const auto& [key, label] : labels) text += fmt::format("{}{}=\"{}\"", text.empty() ? "" : ",", key, escaped(label));
    page_ += std::exchange(head_, "") + name_ + (text.empty() ? "" : "{" + text + "}") + fmt::format(" {}\n", value.get<double>());
  }

 private:
  std::string& page_;
  std::string name_, head_;
};

json at(const json& object, const char* key) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  return found == object.end() ? json() : *found;
}

struct Figure {
  const char *name, *type, *help;
  const char *group, *key;  // of the status; group "" is its top
};
constexpr Figure kFigures[] = {
    {"fdr_armed_seconds", "gauge", "How long the recorder has been armed.", "", "armed_s"},
    {"fdr_window_seconds", "gauge", "How far back a bundle is asked to reach.", "", "window_s"},
    {"fdr_threads", "gauge", "Threads of the targets that are recorded.", "", "threads"},
    {"fdr_bundles_total", "counter", "Bundles written since the recorder started.", "", "bundles"},
    {"fdr_cpu_seconds_total", "counter", "CPU time of the recorder.", "cost", "cpu_seconds"},
    {"fdr_resident_memory_bytes", "gauge", "Memory of the recorder beside its window.", "cost", "rss_bytes"},
    {"fdr_window_bytes", "gauge", "Memory of the window.", "cost", "window_bytes"},
    {"fdr_tick_lateness_seconds", "gauge", "How late the last tick was.", "cost", "lateness_s"},
};
constexpr Figure kRingFigures[] = {
    {"fdr_ring_covered_seconds", "gauge", "How far back a ring reaches.", "", "obtained_s"},
    {"fdr_records_total", "counter", "Records written to a ring.", "", "recorded"},
    {"fdr_records_dropped_total", "counter", "Records that could not be written to a ring.", "", "dropped"},
    {"fdr_records_missed_total", "counter", "Records that were due and never seen.", "", "missed"},
};
constexpr Figure kRuleFigures[] = {
    {"fdr_rule_value", "gauge", "Value of a rule's metric, in its base unit; absent where it is unknown.", "", "value"},
    {"fdr_rule_fired_total", "counter", "Firings of a rule.", "", "fired"},
    {"fdr_rule_suppressed_total", "counter", "Firings of a rule that its cooldown or its limit a day held back.", "", "suppressed"},
};

std::string text_of(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

}  // namespace

std::string status_prometheus(const json& recorders, const std::string& version) {
  std::string page;
  Family(page, "fdr_build_info", "gauge", "Version of fdr that wrote this file.").add({{"version", version}}, 1);
  const auto each = [&](const auto& visit) {
    for (std::size_t i = 0; i < recorders.size() && i < kMostRecorders; ++i) visit(recorders[i], text_of(at(recorders[i], "name")));
  };
  Family up(page, "fdr_up", "gauge", "Whether a recorder answers.");
  each([&](const json& recorder, const std::string& name) { up.add({{"recorder", name}}, at(recorder, "armed") == true ? 1 : 0); });
  Family processes(page, "fdr_processes", "gauge", "Target processes that live.");
  each([&](const json& recorder, const std::string& name) {
    processes.add({{"recorder", name}}, at(recorder, "living"));
  });
  for (const Figure& figure : kFigures) {
    Family family(page, figure.name, figure.type, figure.help);
    each([&](const json& recorder, const std::string& name) { family.add({{"recorder", name}}, at(*figure.group ? at(recorder, figure.group) : recorder, figure.key)); });
  }
  for (const Figure& figure : kRingFigures) {
    Family family(page, figure.name, figure.type, figure.help);
    each([&](const json& recorder, const std::string& name) {
      const json rings = at(recorder, "rings");
      for (const auto& [ring, values] : rings.items()) family.add({{"recorder", name}, {"ring", ring}}, at(values, figure.key));
    });
  }
  for (const Figure& figure : kRuleFigures) {
    Family family(page, figure.name, figure.type, figure.help);
    each([&](const json& recorder, const std::string& name) {
      const json rules = at(recorder, "rules");
      for (std::size_t i = 0; rules.is_array() && i < rules.size() && i < kMostRules; ++i) family.add({{"recorder", name}, {"rule", text_of(at(rules[i], "name"))}}, at(rules[i], figure.key));
    });
  }
  return page;
}

}  // namespace fdr
