// Rows about sockets (sockets.ndjson, FORMAT.md 1.2) and about the kernel's caches (the host.slab metrics).
#include <algorithm>
#include <map>
#include <optional>

#include "formats/figures/metrics.hpp"
#include "formats/figures/socket_list.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

using ProcessNames = std::map<std::uint64_t, const std::string*>;  // by pid, of the newest

ProcessNames names_of(const Timeline& timeline) {
  ProcessNames names;
  for (const Process& process : timeline.processes)
    if (process.pid >= 0) names[static_cast<std::uint64_t>(process.pid)] = &process.name;
  return names;
}

Json process_of(const ProcessNames& names, const std::optional<std::uint64_t>& pid) {
  const auto found = pid ? names.find(*pid) : names.end();
  return found == names.end() ? Json(nullptr) : Json(valid_utf8(*found->second));
}

}  // namespace

Json socket_rows(const PartInput& in) {
  Json rows = Json::array();
  const ProcessNames names = names_of(in.view.timeline);
  for (const ListedSocket& socket : read_sockets(latest_text(in.bundle, "system/", "/sockets.ndjson")).sockets) {
    const auto& wanted = in.view.filter().pid;
    if (wanted && socket.pid != static_cast<std::uint64_t>(*wanted)) continue;
    rows.push_back({{"protocol", or_null(socket.protocol)}, {"state", or_null(socket.state)}, {"local", or_null(socket.local)},
                    {"remote", or_null(socket.remote)}, {"recv_q", or_null(socket.recv_q)}, {"send_q", or_null(socket.send_q)},
                    {"drops", or_null(socket.drops)}, {"rcvbuf", or_null(socket.rcvbuf)}, {"sndbuf", or_null(socket.sndbuf)},
                    {"rx_bytes", or_null(socket.rx_bytes)}, {"tx_bytes", or_null(socket.tx_bytes)}, {"inode", or_null(socket.inode)},
                    {"uid", or_null(socket.uid)}, {"netns", or_null(socket.netns)}, {"pid", or_null(socket.pid)}, {"process", process_of(names, socket.pid)}});
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
