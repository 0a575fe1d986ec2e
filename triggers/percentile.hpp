// Nearest rank: the least value that 99 % of them do not exceed.
#pragma once

#include <algorithm>
#include <vector>

namespace fdr {

// Orders `values` anew; not empty.
inline double percentile_99(std::vector<double>& values) {
  const std::size_t rank = (values.size() * 99 + 99) / 100;  // 1-based, rounded up
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

}  // namespace fdr
