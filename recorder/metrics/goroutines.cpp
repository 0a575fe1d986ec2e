#include "recorder/metrics/goroutines.hpp"

#include <limits>

#include "recorder/targets/patient_memory.hpp"
#include "unwind/live/goroutines.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kEvery = std::chrono::seconds(1);

}  // namespace

GoroutineMetrics::GoroutineMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, double cpu_share)
    : budget_(cpu_share) {
  for (const std::string& name : target_names) sums_.push_back({catalogue.find("process[" + name + "].goroutines"), kUnknown});
  sums_.push_back({catalogue.find("process.goroutines"), kUnknown});
}

void GoroutineMetrics::read(const GoProgramList& programs, Timestamp now, std::span<double> row) {
  budget_.advance(now);
  if ((read_at_ == Timestamp{} || now - read_at_ >= kEvery) && budget_.may_spend()) {
    read_at_ = now;
    const Duration begin = cpu_time_with_reads();
    std::vector<std::optional<double>> counted(sums_.size());
    for (const auto& program : programs) {
      const auto count = count_goroutines(program->runtime, patient_memory_of(program->pid));
      const double value = count ? static_cast<double>(*count) : kUnknown;
      if (program->target + 1 < counted.size()) counted[program->target] = counted[program->target].value_or(0) + value;
      counted.back() = counted.back().value_or(0) + value;
    }
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i].value = counted[i].value_or(kUnknown);
    if (!programs.empty()) budget_.spent(cpu_time_with_reads() - begin);
  }
  for (const Sum& sum : sums_)
    if (sum.id && *sum.id < row.size()) row[*sum.id] = sum.value;
}

}  // namespace fdr
