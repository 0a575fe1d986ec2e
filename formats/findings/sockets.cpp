// Connections of the targets at the firing, clustered by peer and by what stands in their queues: many to one peer with the
// same bytes unread on each are one cause, not many.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "formats/findings/families.hpp"
#include "formats/findings/text_figures.hpp"
#include "formats/report/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMany = 32;

struct Peer {
  std::uint64_t connections = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> queues;  // (receive, send) bytes -> connections
};

std::set<std::uint64_t> inodes_of(const std::string& fds) {
  std::set<std::uint64_t> inodes;
  for (const std::string_view line : lines_of_text(fds)) {
    const auto words = words_of(line);
    if (words.size() < 2) continue;
    if (const auto inode = socket_inode(words[1])) inodes.insert(*inode);
  }
  return inodes;
}

// Rows of /proc/PID/net/tcp, which lists the whole network namespace: those of the process only, listeners left out.
void add_connections(std::string_view table, const std::set<std::uint64_t>& own, std::map<std::string, Peer>& peers) {
  constexpr std::string_view kListens = "0A", kTimeWait = "06";
  for (const std::string_view line : lines_of_text(table)) {
    const auto words = words_of(line);
    if (words.size() < 10 || words[3] == kListens || words[3] == kTimeWait) continue;
    const auto inode = number_of(words[9]);
    const std::string remote = socket_address(words[2]);
    const std::size_t colon = words[4].find(':');
    if (!inode || !own.contains(*inode) || remote.empty() || colon == std::string_view::npos) continue;
    const auto send = number_of(words[4].substr(0, colon), 16), receive = number_of(words[4].substr(colon + 1), 16);
    Peer& peer = peers[remote];
    ++peer.connections;
    ++peer.queues[{receive.value_or(0), send.value_or(0)}];
  }
}

}  // namespace

Findings find_sockets(const Evidence& ev) {
  const char* title = "sockets: connections pile up to one peer";
  std::map<std::string, Peer> peers;
  bool readable = false;
  for (const std::int32_t pid : ev.view.manifest.target.pids) {
    const auto own = inodes_of(ev.process_part(pid, "fds.txt"));
    for (const char* table : {"net_tcp.txt", "net_tcp6.txt"}) {
      const std::string text = ev.process_part(pid, table);
      readable = readable || !text.empty();
      add_connections(text, own, peers);
    }
  }
  if (!readable) return {not_measurable("sockets", title, "no list of the targets' connections in this bundle")};
  const auto most = std::max_element(peers.begin(), peers.end(), [](const auto& a, const auto& b) { return a.second.connections < b.second.connections; });
  if (most == peers.end()) return {speaks_against("sockets", title, "the targets had 0 connections at the firing")};
  const auto& [address, peer] = *most;
  const auto queue = std::max_element(peer.queues.begin(), peer.queues.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  std::string figures = fmt::format("{} connections to {} at the firing", peer.connections, address);
  figures += fmt::format("; receive queue {} and send queue {} bytes on {} of them", queue->first.first, queue->first.second, queue->second);
  const Change fds = ev.change("process.fds");
  const double gained = fds.compared ? fds.last - fds.quiet_last : 0;
  if (fds.compared) figures += fmt::format("; descriptors {:.0f} before the onset, {:.0f} at the end", fds.quiet_last, fds.last);
  const bool unread = queue->first.first > 0 && queue->second * 2 > peer.connections;
  if (peer.connections < kMany) return {speaks_against("sockets", title, figures)};
  if (!ev.alarmed || gained < static_cast<double>(kMany)) return {not_measurable("sockets", title, figures + "; whether they are more than before is not known")};
  return {speaks_for("sockets", fmt::format("sockets: connections to {} pile up{}", address, unread ? ", unread" : ""), unread ? 0.9 : 0.82, figures, "fdr show BUNDLE process/PID/at/net_tcp.txt")};
}

}  // namespace fdr
