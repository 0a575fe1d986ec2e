// Rows about descriptors (process/PID/*/fds.txt, "NUMBER TARGET" a line): what a process has open, alike ones together, most first. Sockets
// are told by their peers where sockets.ndjson has them.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "formats/figures/socket_list.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct Open {
  std::uint64_t count = 0, first = 0, last = 0;
};

// The number in "socket:[123]".
std::optional<std::uint64_t> inode_of(std::string_view target) {
  const std::size_t open = target.find('[');
  std::uint64_t inode = 0;
  if (open == std::string_view::npos || std::from_chars(target.data() + open + 1, target.data() + target.size(), inode).ec != std::errc()) return std::nullopt;
  return inode;
}

std::map<std::uint64_t, std::string> sockets_by_inode(const Bundle& bundle) {
  std::map<std::uint64_t, std::string> sockets;
  for (const ListedSocket& socket : read_sockets(latest_text(bundle, "system/", "/sockets.ndjson")).sockets)
    if (socket.inode)
      sockets[*socket.inode] = fmt::format("{} {} {}", socket.protocol.value_or("socket"), socket.remote ? "to " + *socket.remote : "at " + socket.local.value_or("?"), socket.state.value_or(""));
  return sockets;
}

// What it is, and what it is called: pipes and nameless sockets differ in nothing that matters.
std::pair<std::string, std::string> kind_of(std::string_view target, const std::map<std::uint64_t, std::string>& sockets) {
  if (target.starts_with("socket:[")) {
    const auto inode = inode_of(target);
    const auto known = inode ? sockets.find(*inode) : sockets.end();
    return {"socket", known == sockets.end() ? "sockets of which no more is known" : known->second};
  }
  if (target.starts_with("pipe:[")) return {"pipe", "pipes"};
  if (target.starts_with("anon_inode:")) return {"kernel", valid_utf8(std::string(target.substr(std::string_view("anon_inode:").size())))};
  return {target.starts_with("/dev/") ? "device" : "file", valid_utf8(std::string(target))};
}

}  // namespace

Json descriptor_rows(const PartInput& in) {
  const std::map<std::uint64_t, std::string> sockets = sockets_by_inode(in.bundle);
  std::map<std::int32_t, std::string> processes;  // the last name of each, as for sockets
  for (const auto& process : in.view.timeline.processes) processes[process.pid] = process.name;
  Json rows = Json::array();
  for (const std::int32_t pid : in.bundle.manifest.target.pids) {
    if (in.view.filter().pid && *in.view.filter().pid != pid) continue;
    std::map<std::pair<std::string, std::string>, Open> open;
    const std::string text = latest_text(in.bundle, fmt::format("process/{}/", pid), "/fds.txt");
    for (std::string_view left = text; !left.empty();) {
      const std::string_view line = left.substr(0, left.find('\n'));
      left.remove_prefix(std::min(line.size() + 1, left.size()));
      const std::size_t space = std::min(line.find(' '), line.size());
      std::uint64_t number = 0;
      const auto [end, problem] = std::from_chars(line.data(), line.data() + space, number);
      if (space == line.size() || end != line.data() + space || problem != std::errc()) continue;
      Open& one = open[kind_of(line.substr(space + 1), sockets)];
      one.first = one.count ? std::min(one.first, number) : number;
      one.last = std::max(one.last, number);
      ++one.count;
    }
    for (const auto& [key, one] : open)
      rows.push_back({{"what", key.second}, {"kind", key.first}, {"count", one.count}, {"first", one.first}, {"last", one.last}, {"pid", pid}, {"process", valid_utf8(processes[pid])}});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Json& a, const Json& b) { return a["count"].get<std::uint64_t>() > b["count"].get<std::uint64_t>(); });
  return rows;
}

}  // namespace fdr
