// Connections of the targets, clustered by peer and by what stands in their queues: many to one peer with the same bytes unread
// on each are one cause, not many. Where two lists (of the firing and the end, or of before and the firing) have the same number to a
// peer, it stands at exactly that.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/figures/socket_list.hpp"
#include "formats/findings/families.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMany = 32;

struct Peer {
  std::uint64_t connections = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> queues;  // (receive, send) bytes -> connections
};

struct Look {
  std::map<std::string, Peer> peers;
  bool whole = true;

  std::uint64_t connections_to(const std::string& peer) const {
    const auto found = peers.find(peer);
    return found == peers.end() ? 0 : found->second.connections;
  }
};

// One list of the bundle: TCP connections of the targets, listeners left out. Nothing where there is no such list.
std::optional<Look> look(const Evidence& ev, const char* moment) {
  const std::string part = fmt::format("system/{}/sockets.ndjson", moment);
  if (!ev.has_text(part)) return std::nullopt;
  const SocketList list = read_sockets(ev.text(part));
  Look found;
  found.whole = list.whole;
  for (const ListedSocket& socket : list.sockets) {
    if (socket.protocol != "tcp" || !socket.pid || !socket.remote || socket.state == "listen") continue;
    Peer& peer = found.peers[printable(*socket.remote)];
    ++peer.connections;
    ++peer.queues[{socket.recv_q.value_or(0), socket.send_q.value_or(0)}];
  }
  return found;
}

template <class Map, class Weight>
auto heaviest(const Map& map, Weight weight) {
  return std::max_element(map.begin(), map.end(), [&](const auto& a, const auto& b) { return weight(a.second) < weight(b.second); });
}

}  // namespace

Findings find_sockets(const Evidence& ev) {
  const char* title = "sockets: connections pile up to one peer";
  const std::optional<Look> before = look(ev, "before"), at = look(ev, "at"), after = look(ev, "after");
  // The latest look there is: a number that grows is nearest to where it ends then.
  const Look* last = after ? &*after : at ? &*at : nullptr;
  const char* moment = after ? "at the end" : "at the firing";
  if (!last) return {not_measurable("sockets", title, "no list of the targets' connections in this bundle")};
  const auto most = heaviest(last->peers, [](const Peer& peer) { return peer.connections; });
  if (most == last->peers.end()) return {speaks_against("sockets", title, fmt::format("the targets had 0 connections {}", moment))};
  const auto& [address, peer] = *most;
  const auto queue = heaviest(peer.queues, [](std::uint64_t connections) { return connections; });
  const auto& [waiting, alike] = *queue;
  std::string figures;
  // An episode that lasts had its number at the look before the last already.
  const Look* earlier = after && at ? &*at : before ? &*before : nullptr;
  const bool stands = earlier && earlier->whole && last->whole && earlier->connections_to(address) == peer.connections;
  if (stands && peer.connections >= kMany) {
    figures = fmt::format("{} connections to {} {} and {}: it stands at exactly {}", peer.connections, address, after && at ? "at the firing" : "before",
                          moment, peer.connections);
  } else {
    figures = fmt::format("{} connections to {} {}", peer.connections, address, moment);
    if (after && at) figures += fmt::format(", {} at the firing", at->connections_to(address));
  }
  if (before && !(stands && earlier == &*before)) figures += fmt::format(", {} before", before->connections_to(address));
  figures += fmt::format("; receive queue {} and send queue {} bytes on {} of them", waiting.first, waiting.second, alike);
  if (!last->whole) figures += "; some sockets were not listed";
  const bool unread = waiting.first > 0 && alike * 2 > peer.connections;
  if (peer.connections < kMany) return {speaks_against("sockets", title, figures)};

  Change held = ev.change("process.sockets");
  const char* what = "sockets";
  if (!held.compared) held = ev.change("process.fds"), what = "descriptors";
  const double gained = held.compared ? held.last - held.quiet_last : 0;
  if (held.compared) figures += fmt::format("; {} {:.0f} before the onset, {:.0f} at the end", what, held.quiet_last, held.last);
  if (!ev.alarmed || gained < static_cast<double>(kMany))
    return {not_measurable("sockets", title, figures + "; whether they are more than before is not known")};
  return {speaks_for("sockets", fmt::format("sockets: connections to {} pile up{}", address, unread ? ", unread" : ""), unread ? 0.9 : 0.82, figures,
                     "fdr show BUNDLE sockets")};
}

}  // namespace fdr
