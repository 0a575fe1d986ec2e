#include "recorder/decode/growth_ledger.hpp"

#include <algorithm>
#include <map>

namespace fdr {

void settle(std::vector<Growth>& growth, std::vector<GaveBack>& back, const std::function<std::uint32_t(std::uint32_t)>& process_of) {
  const auto earlier = [](const auto& a, const auto& b) { return a.time < b.time; };
  std::stable_sort(growth.begin(), growth.end(), earlier);
  std::stable_sort(back.begin(), back.end(), earlier);
  std::map<std::uint32_t, std::multimap<std::uint64_t, Growth*>> held;  // by process, by address
  auto next = growth.begin();
  for (const GaveBack& gone : back) {
    for (; next != growth.end() && next->time <= gone.time; ++next)
      if (next->address && next->thread != kNoIndex) held[process_of(next->thread)].emplace(next->address, &*next);
    auto& of_process = held[gone.process];
    const std::uint64_t end = gone.length > UINT64_MAX - gone.address ? UINT64_MAX : gone.address + gone.length;
    const auto first = of_process.lower_bound(gone.address), last = of_process.lower_bound(end);
    for (auto sample = first; sample != last; ++sample) sample->second->given_back = gone.time;
    of_process.erase(first, last);
  }
}

}  // namespace fdr
