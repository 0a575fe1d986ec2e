// The targets' sockets, in the network namespaces the targets are in: process.sockets, process.sockets.STATE, .unread, .unsent, .udp,
// .drops, process.net.{rx,tx}.bytes, and the list itself for a bundle.
//
// A thread of its own lists them, once a second, or as often as its share of a CPU allows, each 15 s at worst: with thousands of
// sockets that takes tens of milliseconds (10 000: 55 ms), which no tick can wait for. Which sockets are a target's is known from
// /proc/PID/fd, by inode. Counters add up what each socket gained between two looks; of one that was opened and closed between them
// nothing is known. Bounds: kProcesses, kDescriptors, kNamespaces, SocketDiag::kMostSockets in each. Methods are the session thread's;
// a survey is immutable once it is published.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/metrics/socket_diag.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

// A descriptor of a target's process that is a socket.
struct HeldSocket {
  std::uint64_t inode = 0;
  std::int32_t pid = 0;
  std::uint32_t target = 0;
};

struct SocketSurvey {
  struct Network {
    std::uint64_t inode = 0;  // of the namespace
    SocketDiag::Listing listing;
  };
  Timestamp time;
  std::vector<HeldSocket> held;  // sorted by inode
  std::vector<Network> networks;
  std::vector<std::string> problems;
  bool complete = true;  // no bound was reached, and every process could be looked into
};

// Names behind "process.": "sockets", "sockets.established", ...; "sockets.drops", "net.rx.bytes", ...
std::span<const char* const> socket_gauge_names();
std::span<const char* const> socket_counter_names();
// Of one target, or of all (no target). Sockets that several processes hold count once.
std::vector<double> socket_gauges(const SocketSurvey& survey, std::optional<std::uint32_t> target);

// Sums over sockets that come and go: drops, bytes and segments received and sent.
class SocketCounters {
 public:
  using Sums = std::array<double, 5>;  // in the order of socket_counter_names()
  // What was there at the first survey is the base; a socket that is new later counts from its beginning. Next to a survey that was not whole nobody
  // knows who is new: such count from where they were found, and who is missing is not forgotten (of at most kMostKept).
  void add(const SocketSurvey& survey, std::size_t targets);
  // Nothing before the first survey. `target` as index, or the number of targets for all.
  const std::vector<Sums>& sums() const { return sums_; }

 private:
  using Totals = std::array<std::uint64_t, 5>;
  static constexpr std::size_t kMostKept = 1u << 17;
  std::unordered_map<std::uint64_t, Totals> last_;  // by inode
  std::vector<Sums> sums_;
  bool whole_ = false;  // the last survey
};

// One JSON object a line, the targets' sockets first; `left_out` in the last where there are more than `most`. The row keys of
// `fdr show sockets`.
std::string socket_rows_text(const SocketSurvey& survey, std::size_t most = 4096);

class SocketMetrics {
 public:
  SocketMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, double cpu_share = 0.0015);
  ~SocketMetrics();
  void began(std::int32_t pid, std::size_t target);
  void ended(std::int32_t pid);
  // Writes what the last survey found, and asks for the next when it is time.
  void read(Timestamp now, std::span<double> row);
  // Asks for one at once, within the budget or not: a rule has fired.
  void ask();
  // The newest survey not older than `since`, waited for `patience` at most; nothing where there is none.
  std::shared_ptr<const SocketSurvey> newest(Timestamp since = {}, Duration patience = {}) const;
  ReadingCost cost() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr
