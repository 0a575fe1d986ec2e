#include "recorder/decode/sums.hpp"

#include <algorithm>
#include <iterator>

namespace fdr {

SyscallSummary decoded_sum(const SummaryRow& row, std::uint32_t process) {
  SyscallSummary sum;
  sum.begin = row.begin;
  sum.interval = row.interval;
  sum.process = process;
  sum.number = row.nr & FDR_NR_MASK;
  sum.abi = row.nr & FDR_NR_COMPAT ? SyscallAbi::kCompat : row.nr & FDR_NR_X32 ? SyscallAbi::kX32 : SyscallAbi::kNative;
  sum.calls = row.calls;
  sum.errors = row.errors;
  sum.wall = Duration{static_cast<std::int64_t>(row.wall_ns)};
  sum.cpu = Duration{static_cast<std::int64_t>(row.cpu_ns)};
  sum.max = Duration{static_cast<std::int64_t>(row.max_ns)};
  static_assert(kHistogramBuckets == FDR_HISTOGRAM);
  std::copy(std::begin(row.histogram), std::end(row.histogram), sum.histogram.begin());
  return sum;
}

}  // namespace fdr
