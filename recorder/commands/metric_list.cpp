#include "recorder/commands/metric_list.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/cgroup.hpp"
#include "recorder/metrics/cpu_states.hpp"
#include "recorder/metrics/disks.hpp"
#include "recorder/metrics/host.hpp"
#include "recorder/metrics/oom.hpp"
#include "recorder/metrics/process.hpp"
#include "recorder/metrics/slab.hpp"
#include "recorder/metrics/sockets.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr int kReadings = 11;  // a second of ticks
const Duration kTick = Config{}.every;

// How often a source is read: at each tick at most, and not more often than its share of a CPU pays for.
struct Rhythm {
  std::string text;
  std::optional<double> every_s, cost_us;
};

Rhythm rhythm_of(const ReadingCost& cost, Duration at_most, const char* of_what = "") {
  if (cost.readings == 0) return {.text = "-", .every_s = {}, .cost_us = {}};
  const double each = to_seconds(cost.total) / static_cast<double>(cost.readings), every = std::max(to_seconds(at_most), each / cost.share);
  return {.text = fmt::format("each {:.1f} s, {:.0f} us{}, {:.3f} % of a CPU at most", every, each * 1e6, of_what, cost.share * 100), .every_s = every, .cost_us = each * 1e6};
}

// All that can be read without a target: the host, and of the rest what reading this very process costs.
class Readings {
 public:
  explicit Readings(const MetricCatalogue& catalogue)
      : host_(catalogue), disks_(catalogue), slab_(catalogue), oom_(catalogue), processes_(catalogue, {"self"}), cgroup_(catalogue), sockets_(catalogue, {"self"}), row_(catalogue.size(), kUnknown), own_(row_) {
    processes_.began(::getpid(), 0);
    cgroup_.began(::getpid(), 0);
    sockets_.began(::getpid(), 0);
  }

  // Several times, since shares of time are means over a second.
  void take() {
    for (int i = 0; i < kReadings; ++i) {
      if (i) std::this_thread::sleep_for(kTick);
      const Timestamp now = MonotonicClock::now();
      host_.read(now, row_);
      disks_.read(now, row_);
      slab_.read(now, row_);
      oom_.read(now, row_);
      processes_.read(now, own_);
      cgroup_.read(now, own_);
      sockets_.read(now, own_);
    }
    for (const HostMetrics::FileCost& file : host_.costs())
      for (const std::string& metric : file.metrics) of_host_[metric] = rhythm_of(file.cost, kTick);
    of_host_["oom"] = of_host_["host.vm.oom_kill"];
    for (const char* state : kCpuStates) of_host_[std::string("host.cpu.max.") + state] = of_host_["host.cpu.busy"];
  }

  double value(MetricId id) const { return row_[id]; }
  std::vector<std::string> problems() const { return host_.problems(); }

  Rhythm rhythm(const MetricInfo& info) const {
    constexpr Duration kSecond = std::chrono::seconds(1);
    if (const auto file = of_host_.find(info.name); file != of_host_.end()) return file->second;
    if (info.name.starts_with("host.disk.")) return rhythm_of(disks_.cost(), kTick);
    if (info.name.starts_with("host.slab.")) return rhythm_of(slab_.cost(), kSecond, " for all caches");
    if (info.name.starts_with("cgroup.")) return rhythm_of(cgroup_.cost(), kTick, " for all of the group");
    if (info.source.starts_with("/proc/PID/")) return rhythm_of(processes_.cost(), kTick, " a process");
    if (info.source.starts_with("sock_diag")) return rhythm_of(sockets_.cost(), kSecond, " where there are few");
    if (info.source.find("each second") != std::string::npos) return {.text = "each 1.0 s", .every_s = 1, .cost_us = {}};
    if (info.event) return {.text = "when it happens", .every_s = {}, .cost_us = {}};
    return {.text = fmt::format("each {:.1f} s, nothing to be read", to_seconds(kTick)), .every_s = to_seconds(kTick), .cost_us = {}};
  }

 private:
  HostMetrics host_;
  DiskMetrics disks_;
  SlabMetrics slab_;
  OomKills oom_;
  ProcessMetrics processes_;
  CgroupMetrics cgroup_;
  SocketMetrics sockets_;
  std::vector<double> row_, own_;  // what is known without a target, and of ourselves
  std::map<std::string, Rhythm> of_host_;
};

// Why a metric has no value here and now; empty where it has one.
std::string reason(const MetricInfo& info, const std::vector<std::string>& host_problems, bool disks_seen) {
  for (const std::string& problem : host_problems)  // "host.psi.cpu.some, host.psi.cpu.full: why"
    if ((", " + problem.substr(0, problem.find(": ")) + ",").find(", " + info.name + ",") != std::string::npos) return problem.substr(std::min(problem.size(), problem.find(": ") + 2));
  if (info.name.starts_with("host.slab.")) return "the kernel has no such cache, or merged it into another";
  if (info.name.starts_with("host.disk.")) return disks_seen ? "not read often enough in this second" : "no disk is seen from here";
  if (info.name.starts_with("host.standstill")) return "while a recorder runs: fdr status";
  if (info.scope == "host") return "this kernel does not say";
  if (info.scope == "recorder") return "while a recorder runs: fdr status";
  return "needs a target: fdr status shows it while a recorder runs";
}

}  // namespace

nlohmann::json metric_rows() {
  const MetricCatalogue catalogue = build_catalogue(Config{});
  Readings readings(catalogue);
  readings.take();
  const std::vector<std::string> problems = readings.problems();
  const auto number = [](std::optional<double> value) { return value && !std::isnan(*value) ? nlohmann::json(*value) : nlohmann::json(nullptr); };
  const bool disks_seen = !std::isnan(readings.value(*catalogue.find("host.disk.read")));
  nlohmann::json rows = nlohmann::json::array();
  for (MetricId id = 0; id < catalogue.size(); ++id) {
    const MetricInfo& info = catalogue.info(id);
    const double value = readings.value(id);
    const bool known = !std::isnan(value);
    const Rhythm rhythm = readings.rhythm(info);
    rows.push_back({{"name", info.name}, {"unit", unit_words(info.unit)}, {"kind", info.kind == MetricKind::kCounter ? "counter" : "gauge"}, {"scope", info.scope},
                    {"base", info.base}, {"source", info.source}, {"read", rhythm.text}, {"every_s", number(rhythm.every_s)}, {"cost_us", number(rhythm.cost_us)},
                    {"value", number(value)}, {"value_text", known ? quantity_text(value, info.unit) : "-"}, {"reason", known ? "" : reason(info, problems, disks_seen)}});
  }
  return rows;
}

std::string metric_list(const nlohmann::json& rows) {
  std::string text = "metric                              now          scope; base; source; read\n";
  for (const auto& row : rows) {
    const auto word = [&](const char* key) { return row[key].get<std::string>(); };
    const std::string why = word("reason");
    text += fmt::format("{:<35} {:<12} {}; {}{}; {}; {}{}\n", word("name"), word("value_text"), word("scope"), word("kind") == "counter" ? "counter of " : "", word("base"), word("source"), word("read"),
                        why.empty() ? "" : "; now: " + why);
  }
  return text + "What a reading costs was measured just now, what is a target's on this process; a source that costs more than its share is read less often.\n"
                "Counters only grow: compare rate(COUNTER) or delta(COUNTER, 10s). process[NAME].METRIC is that of one target.\n"
                "Named in rules: syscall.NAME.rate|errors|latency|longest of any system call, beat.NAME.age, log.NAME, and [[metric]] by its name.\n";
}

}  // namespace fdr
