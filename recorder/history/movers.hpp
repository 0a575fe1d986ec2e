// Who takes most of the host: of CPU, resident memory and disk traffic the first few, a look each ten seconds. MoverTable ranks what is
// read, pure; MoverWatch reads /proc, a few processes a tick and for at most a thousandth of a CPU: with very many processes a look takes
// longer, and says how long. Who ended in between is known by the clock ticks that found him running (the host-wide tier). Session thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/history.hpp"
#include "recorder/cost/cost_budget.hpp"
#include "recorder/window/wire.h"

namespace fdr {

class MoverTable {
 public:
  static constexpr std::size_t kMostOfAKind = 5, kMostProcesses = 32'768;

  struct Reading {
    std::int32_t pid = 0;
    std::uint64_t start_ticks = 0;  // with the pid the identity
    std::string comm;
    double cpu_s = 0;               // since it began
    double rss_bytes = 0, io_bytes = 0;
  };
  void saw(const Reading& reading, Timestamp now);
  // Ended since the look before, having run for so long.
  void ended(std::int32_t pid, std::string comm, double cpu_s);
  // What was seen since the look before. The first one has nothing to compare with but memory.
  HistoryMovers look(Timestamp now, std::int64_t realtime_ns);

 private:
  struct Known {
    double cpu_s, io_bytes;
    Timestamp at;
  };
  using Identity = std::pair<std::int32_t, std::uint64_t>;
  std::map<Identity, Known> before_, now_;
  std::vector<HistoryMovers::Process> seen_;
  std::vector<std::pair<HistoryMovers::Process, double>> ended_;  // and seconds of CPU
  Timestamp last_{};
};

class MoverWatch {
 public:
  static constexpr Duration kEvery = std::chrono::seconds(10);
  using Ticks = std::vector<std::pair<std::uint32_t, fdr_ticks>>;

  explicit MoverWatch(Duration tick) : tick_(tick) {}
  // Once a tick; `ticks` is asked once a look.
  std::optional<HistoryMovers> advance(Timestamp now, const std::function<Ticks()>& ticks);

 private:
  void read(std::int32_t pid, Timestamp now);
  void find_ended(const Ticks& ticks);

  MoverTable table_;
  CostBudget budget_{0.001};
  Duration tick_;
  std::vector<std::int32_t> left_;  // to be read for this look
  std::set<std::int32_t> living_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> ticks_before_;
  bool looking_ = false, first_ = true;
  Timestamp next_{};
};

}  // namespace fdr
