// Rows about sockets (sockets.ndjson, FORMAT.md 1.2) and about the kernel's caches (the host.slab metrics).
#include <fmt/format.h>

#include <algorithm>

#include "formats/error.hpp"
#include "formats/report/metrics.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRows = 10'000, kMostLine = 4096;

// A string of the row or null; a number or null: whatever else a stranger's row holds is not taken over.
Json text_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_string() ? Json(valid_utf8(found->get<std::string>())) : Json(nullptr);
}
Json count_of(const nlohmann::json& row, const char* key) {
  const auto found = row.find(key);
  return found != row.end() && found->is_number_unsigned() ? Json(found->get<std::uint64_t>()) : Json(nullptr);
}

Json process_of(const View& view, const Json& pid) {
  if (pid.is_null()) return nullptr;
  for (auto process = view.timeline.processes.rbegin(); process != view.timeline.processes.rend(); ++process)
    if (process->pid >= 0 && static_cast<std::uint64_t>(process->pid) == pid.get<std::uint64_t>()) return valid_utf8(process->name);
  return nullptr;
}

}  // namespace

Json socket_rows(const PartInput& in) {
  Json rows = Json::array();
  // The latest look there is: a number that grows is nearest to where it ends then.
  std::string text;
  for (const char* moment : {"after", "at", "before"}) {
    const std::string file = fmt::format("system/{}/sockets.ndjson", moment);
    if (text.empty() && in.bundle.manifest.files.count(file)) text = read_bundle_text(in.bundle.path, file).value_or("");
  }
  std::string_view rest = text;
  while (!rest.empty() && rows.size() < kMostRows) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.empty() || line.size() > kMostLine) continue;
    nlohmann::json row;
    try {
      row = parse_json(line, "sockets.ndjson");
    } catch (const Error&) {
      continue;  // a damaged line costs its socket only
    }
    if (!row.is_object() || !row.contains("local")) continue;  // the last says what is missing
    const Json pid = count_of(row, "pid");
    if (in.view.filter().pid && (pid.is_null() || pid.get<std::uint64_t>() != static_cast<std::uint64_t>(*in.view.filter().pid))) continue;
    Json out;
    for (const char* key : {"protocol", "state", "local", "remote"}) out[key] = text_of(row, key);
    for (const char* key : {"recv_q", "send_q", "drops", "rcvbuf", "sndbuf", "rx_bytes", "tx_bytes", "inode", "uid", "netns"}) out[key] = count_of(row, key);
    out["pid"] = pid;
    out["process"] = process_of(in.view, pid);
    rows.push_back(std::move(out));
  }
  return rows;
}

Json slab_rows(const PartInput& in) {
  constexpr std::string_view kPrefix = "host.slab.";
  Json rows = Json::array();
  for (const MetricRow& metric : metric_rows(in.view)) {
    const std::string_view name = metric.series->name;
    if (!name.starts_with(kPrefix)) continue;
    // The most it grew by, from any moment to a later one: a cache that was filled and then emptied has grown all the same.
    double least = metric.points.front().second, growth = 0;
    for (const auto& [time, value] : metric.points) {
      least = std::min(least, value);
      growth = std::max(growth, value - least);
    }
    rows.push_back({{"name", valid_utf8(std::string(name.substr(kPrefix.size())))},
                    {"bytes", metric.points.back().second},
                    {"most", metric.max},
                    {"growth", growth},
                    {"given_back", metric.max - metric.points.back().second}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) { return a["most"].get<double>() > b["most"].get<double>(); });
  return rows;
}

}  // namespace fdr
