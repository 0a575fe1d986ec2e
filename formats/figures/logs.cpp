#include "formats/figures/logs.hpp"

#include <algorithm>
#include <map>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/log_template.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostLines = 200'000, kMostLine = 64u << 10, kMostGroups = 2000;
constexpr double kLeastQuiet_s = 1;

std::string text_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string() ? valid_utf8(found->get_ref<const std::string&>()) : "";
}

std::optional<std::int64_t> number_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  if (found == row.end() || !found->is_number_integer()) return std::nullopt;
  return found->get<std::int64_t>();
}

bool take_row(const nlohmann::json& row, Logs& logs) {
  if (!row.is_object()) return false;
  if (row.contains("log")) {
    logs.heads.push_back({.name = text_of(row, "log"), .place = text_of(row, "place"), .problem = text_of(row, "problem"), .skipped = text_of(row, "skipped"),
                          .since = Timestamp{Duration{number_of(row, "since_ns").value_or(0)}}, .lines = static_cast<std::uint64_t>(std::max<std::int64_t>(0, number_of(row, "lines").value_or(0)))});
    return true;
  }
  const auto time = number_of(row, "monotonic_ns");
  if (!time || *time < 0) return false;
  logs.lines.push_back({Timestamp{Duration{*time}}, text_of(row, "source"), text_of(row, "text")});
  return true;
}

}  // namespace

Logs read_logs(std::string_view ndjson) {
  Logs logs;
  while (!ndjson.empty()) {
    const std::string_view line = ndjson.substr(0, ndjson.find('\n'));
    ndjson.remove_prefix(std::min(line.size() + 1, ndjson.size()));
    if (line.empty()) continue;
    try {
      if (line.size() > kMostLine || logs.lines.size() + logs.heads.size() >= kMostLines || !take_row(parse_json(line, "logs.ndjson"), logs)) ++logs.damaged;
    } catch (const Error&) {
      ++logs.damaged;  // a damaged line costs itself only
    }
  }
  std::stable_sort(logs.lines.begin(), logs.lines.end(), [](const LogEntry& a, const LogEntry& b) { return a.time < b.time; });
  return logs;
}

std::vector<LogGroup> group_logs(const Logs& logs, const LogSpan& span) {
  std::map<std::pair<std::string, std::string>, LogGroup> groups;
  std::map<std::string, Timestamp> quiet_from;  // of each log: its lines may be missing before
  for (const LogHead& head : logs.heads) quiet_from[head.name] = std::max(span.from, head.since);
  for (const LogEntry& line : logs.lines) {
    if (line.time < span.from || line.time > span.end) continue;
    std::pair<std::string, std::string> key{line.source, log_template(line.text)};
    if (groups.size() >= kMostGroups && !groups.contains(key)) key.second = "(other lines)";
    LogGroup& group = groups[key];
    if (group.quiet + group.incident == 0) {
      group.source = key.first;
      group.text = key.second;
      group.first = line.time;
    }
    group.last = line.time;
    group.example = line.text;
    ++(line.time < span.begin ? group.quiet : group.incident);
  }
  std::vector<LogGroup> all;
  for (auto& [key, group] : groups) {
    const auto known = quiet_from.find(group.source);
    const double quiet_s = to_seconds(span.begin - (known == quiet_from.end() ? span.from : known->second));
    const Timestamp since = span.begin > span.from ? span.begin : group.first;
    group.rate = static_cast<double>(group.incident) / std::max(to_seconds(span.end - since), 1.0);
    if (quiet_s >= kLeastQuiet_s) group.rate_before = static_cast<double>(group.quiet) / quiet_s;
    all.push_back(std::move(group));
  }
  std::stable_sort(all.begin(), all.end(), [](const LogGroup& a, const LogGroup& b) { return a.incident != b.incident ? a.incident > b.incident : a.quiet > b.quiet; });
  return all;
}

}  // namespace fdr
