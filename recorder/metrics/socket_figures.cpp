// What a survey of sockets is made into: figures of a target, sums over sockets that come and go, text for a bundle. Pure.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <unordered_set>

#include "formats/json_writer.hpp"
#include "recorder/metrics/sockets.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
// In front of the states: all, UDP, with bytes that the program has not read, with bytes that have not been sent or acknowledged.
enum Gauge { kAll, kUdp, kUnread, kUnsent, kFirstState };

const std::vector<std::string>& gauge_texts() {
  static const std::vector<std::string> texts = [] {
    std::vector<std::string> names = {"sockets", "sockets.udp", "sockets.unread", "sockets.unsent"};
    for (const char* state : tcp_state_names()) names.push_back(std::string("sockets.") + state);
    return names;
  }();
  return texts;
}

bool listens(const SocketRow& row) { return row.tcp && row.has_state("listen"); }

// visit(row, of the network with this inode)
template <class Visit>
void each_socket(const SocketSurvey& survey, Visit visit) {
  for (const SocketSurvey::Network& network : survey.networks)
    for (const SocketRow& row : network.listing.rows) visit(row, network.inode);
}

// Every process could be looked into, and every network was listed to its end.
bool is_whole(const SocketSurvey& survey) {
  return survey.complete && std::all_of(survey.networks.begin(), survey.networks.end(), [](const auto& network) { return network.listing.problem.empty() && !network.listing.cut; });
}

const HeldSocket* holder(const SocketSurvey& survey, std::uint64_t inode) {
  if (inode == 0) return nullptr;
  const auto found = std::lower_bound(survey.held.begin(), survey.held.end(), inode, [](const HeldSocket& held, std::uint64_t wanted) { return held.inode < wanted; });
  return found != survey.held.end() && found->inode == inode ? &*found : nullptr;
}

}  // namespace

std::span<const char* const> socket_gauge_names() {
  static const std::vector<const char*> names = [] {
    std::vector<const char*> list;
    for (const std::string& text : gauge_texts()) list.push_back(text.c_str());
    return list;
  }();
  return names;
}

std::span<const char* const> socket_counter_names() {
  static constexpr std::array kNames = {"sockets.drops", "net.rx.bytes", "net.tx.bytes", "net.rx.packets", "net.tx.packets"};
  return kNames;
}

std::vector<double> socket_gauges(const SocketSurvey& survey, std::optional<std::uint32_t> target) {
  std::vector<double> values(socket_gauge_names().size(), 0);
  std::unordered_set<std::uint64_t> ours;
  for (const HeldSocket& held : survey.held)
    if (!target || held.target == *target) ours.insert(held.inode);
  values[kAll] = static_cast<double>(ours.size());
  each_socket(survey, [&](const SocketRow& row, std::uint64_t) {
    if (!ours.contains(row.inode)) return;
    if (!row.tcp) ++values[kUdp];
    if (!listens(row) && row.recv_q > 0) ++values[kUnread];
    if (!listens(row) && row.send_q > 0) ++values[kUnsent];
    if (!row.tcp) return;
    const auto states = tcp_state_names();
    for (std::size_t i = 0; i < states.size(); ++i)
      if (row.has_state(states[i])) ++values[kFirstState + i];
  });
  // What is not known whole is not zero: "no socket in close_wait" may be wrong then.
  if (!survey.complete) values[kAll] = kUnknown;
  if (!is_whole(survey)) std::fill(values.begin() + kUdp, values.end(), kUnknown);
  return values;
}

void SocketCounters::add(const SocketSurvey& survey, std::size_t targets) {
  const bool whole = is_whole(survey), new_are_known = whole && whole_;
  sums_.resize(targets + 1, Sums{});
  std::unordered_map<std::uint64_t, Totals> now;
  each_socket(survey, [&](const SocketRow& row, std::uint64_t) {
    if (!holder(survey, row.inode)) return;
    now[row.inode] = {row.drops, row.rx_bytes, row.tx_bytes, row.rx_packets, row.tx_packets};
  });
  for (const auto& [inode, totals] : now) {
    const auto before = last_.find(inode);
    Sums gained{};
    for (std::size_t i = 0; i < gained.size(); ++i) {
      const std::uint64_t base = before != last_.end() ? before->second[i] : 0;
      // The kernel's sums may start anew where an inode is used again.
      gained[i] = static_cast<double>(totals[i] >= base ? totals[i] - base : totals[i]);
    }
    if (before == last_.end() && !new_are_known) gained = {};
    std::unordered_set<std::uint32_t> holders;
    for (const HeldSocket* held = holder(survey, inode); held != survey.held.data() + survey.held.size() && held->inode == inode; ++held)
      if (held->target < targets) holders.insert(held->target);
    for (std::size_t i = 0; i < gained.size(); ++i) {
      for (const std::uint32_t target : holders) sums_[target][i] += gained[i];
      sums_.back()[i] += gained[i];
    }
  }
  if (!whole && now.size() + last_.size() <= kMostKept) now.merge(last_);
  last_ = std::move(now);
  whole_ = whole;
}

std::string socket_rows_text(const SocketSurvey& survey, std::size_t most) {
  struct Line {
    const SocketRow* row;
    const HeldSocket* held;
    std::uint64_t network;
  };
  std::vector<Line> lines;
  each_socket(survey, [&](const SocketRow& row, std::uint64_t network) { lines.push_back({&row, holder(survey, row.inode), network}); });
  // Of a target, then what waits or was dropped: what is left out had better be idle.
  const auto weight = [](const Line& line) {
    const std::uint64_t queued = listens(*line.row) ? 0 : std::uint64_t{line.row->recv_q} + line.row->send_q;
    return std::pair(line.held != nullptr, queued + line.row->drops);
  };
  std::stable_sort(lines.begin(), lines.end(), [&](const Line& a, const Line& b) { return weight(a) > weight(b); });
  std::string text;
  for (std::size_t i = 0; i < lines.size() && i < most; ++i) {
    const SocketRow& row = *lines[i].row;
    const std::string remote = remote_address(row);
    text += json_line([&](JsonWriter& json) {
      json.field("protocol", row.tcp ? "tcp" : "udp");
      json.field("state", socket_state(row));
      json.field("local", local_address(row));
      json.field("remote", remote.empty() ? std::nullopt : std::optional(remote));
      json.field("recv_q", row.recv_q);
      json.field("send_q", row.send_q);
      json.field("drops", row.drops);
      json.field("rcvbuf", row.rcvbuf);
      json.field("sndbuf", row.sndbuf);
      json.field("rx_bytes", row.rx_bytes);
      json.field("tx_bytes", row.tx_bytes);
      json.field("inode", row.inode);
      json.field("uid", row.uid);
      json.field("pid", lines[i].held ? std::optional(lines[i].held->pid) : std::nullopt);
      json.field("netns", lines[i].network);
    });
  }
  std::string problem;
  for (const SocketSurvey::Network& network : survey.networks)
    if (problem.empty()) problem = network.listing.cut ? "more than were listed" : network.listing.problem;
  if (problem.empty() && !survey.problems.empty()) problem = survey.problems.front();
  if (problem.empty() && !survey.complete) problem = "not every process of the targets could be looked into";
  if (lines.size() > most || !problem.empty())
    text += json_line([&](JsonWriter& json) {
      json.field("left_out", lines.size() > most ? lines.size() - most : 0);
      json.field("problem", problem);
    });
  return text;
}

}  // namespace fdr
