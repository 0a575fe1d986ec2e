// process.goroutines and process[NAME].goroutines: how many goroutines the targets' Go programs have, read from outside once a
// second. Unknown where a target runs no Go program, or one of them cannot be read. Session thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/go/go_programs.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

class GoroutineMetrics {
 public:
  GoroutineMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, double cpu_share = 0.001);
  void read(const GoProgramList& programs, Timestamp now, std::span<double> row);

 private:
  struct Sum {
    std::optional<MetricId> id;
    double value;
  };
  std::vector<Sum> sums_;  // one for each target, then all together
  CostBudget budget_;
  Timestamp read_at_{};
};

}  // namespace fdr
