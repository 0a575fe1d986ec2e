// host.slab.CACHE: bytes of those kernel caches that are known to fill hosts. Read from /sys/kernel/slab, once a second, never from
// /proc/slabinfo, which walks partial lists with interrupts off on kernels up to 6.8. A cache that the kernel
// merged into another (a link there) or does not have is unknown. Session thread only.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/metrics/proc_file.hpp"
#include "triggers/metric_history.hpp"

namespace fdr {

std::span<const char* const> slab_caches();
// "29070 N0=29070" -> 29070
std::optional<double> parse_slab_count(std::string_view text);

class SlabMetrics {
 public:
  explicit SlabMetrics(const MetricCatalogue& catalogue, const std::string& root = "/sys/kernel/slab", double cpu_share = 0.0003);
  void read(Timestamp now, std::span<double> row);
  ReadingCost cost() const { return budget_.cost(); }

 private:
  struct Cache {
    MetricId id;
    ProcFile slabs;
    double slab_bytes;
    double value;
  };
  std::vector<Cache> caches_;
  CostBudget budget_;
  Timestamp read_at_{};
  std::string buffer_;
};

}  // namespace fdr
