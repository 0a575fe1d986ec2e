// A small catalogue and a history that tests fill tick by tick, 100 ms apart.
#pragma once

#include <cmath>
#include <limits>
#include <string_view>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr::test {

inline constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kMegabyte = 1024.0 * 1024;

inline MetricCatalogue small_catalogue() {
  MetricCatalogue catalogue;
  catalogue.add({"host.cpu.busy", Unit::kPercent, MetricKind::kGauge, "host", "% of all CPUs", "test", 100});
  catalogue.add({"host.mem.free", Unit::kBytes, MetricKind::kGauge, "host", "bytes", "test"});
  catalogue.add({"host.mem.cached", Unit::kBytes, MetricKind::kGauge, "host", "bytes", "test"});
  catalogue.add({"host.swap.in", Unit::kBytes, MetricKind::kCounter, "host", "bytes", "test"});
  catalogue.add({"process.syscalls", Unit::kNone, MetricKind::kCounter, "all targets", "count", "test"});
  catalogue.add({"process[web].cpu.total", Unit::kPercent, MetricKind::kGauge, "target web", "% of one CPU", "test"});
  catalogue.add({"process.cpu.total", Unit::kPercent, MetricKind::kGauge, "all targets", "% of one CPU", "test"});
  catalogue.add({"process.threads", Unit::kNone, MetricKind::kGauge, "all targets", "count", "test"});
  catalogue.add({"beat.bfd.age", Unit::kSeconds, MetricKind::kGauge, "heartbeat bfd", "seconds", "test"});
  MetricInfo code{"exit.code", Unit::kNone, MetricKind::kGauge, "all targets", "exit code", "test"};
  code.event = true;
  catalogue.add(code);
  MetricInfo signal{"exit.signal", Unit::kNone, MetricKind::kGauge, "all targets", "number of the signal", "test"};
  signal.event = true;
  catalogue.add(signal);
  return catalogue;
}

class Ticks {
 public:
  explicit Ticks(std::size_t capacity = 600)
      : catalogue_(small_catalogue()), history_(catalogue_.size(), capacity), row_(catalogue_.size(), kUnknown) {}

  // Values stay until set again.
  Ticks& set(std::string_view name, double value) {
    row_[catalogue_.find(name).value()] = value;
    return *this;
  }
  Ticks& tick(int count = 1) {
    for (int i = 0; i < count; ++i) {
      now_ += step_;
      history_.push(now_, row_);
    }
    return *this;
  }
  Ticks& step(Duration step) {
    step_ = step;
    return *this;
  }

  const MetricCatalogue& catalogue() const { return catalogue_; }
  const MetricHistory& history() const { return history_; }
  Timestamp now() const { return now_; }

 private:
  MetricCatalogue catalogue_;
  MetricHistory history_;
  std::vector<double> row_;
  Timestamp now_ = from_ns(1'000'000'000);
  Duration step_ = std::chrono::milliseconds(100);
};

}  // namespace fdr::test
