// How counters stood when a recorder of this name ended, kept beside its history: those of the kernel and of your own programs go on counting while
// nobody looks, between two runs of `fdr once` from cron or while a recorder is started anew. Those of targets begin with the recorder, and are
// not among them. Good for one reading, by the next recorder on the same boot. Session thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"
#include "triggers/metric_past.hpp"

namespace fdr {

struct KeptCounters {
  Timestamp at{};
  std::vector<CounterStand> stands;
};

inline constexpr Duration kLongestGap = std::chrono::hours(24);  // what grew over a longer one says nothing of any hour in it

bool outlives_recorder(const std::string& metric, const Config& config);

// Best effort: what is not kept is unknown to the next one.
void keep_counters(const std::string& path, const KeptCounters& counters);
// Nothing of another boot, of the future or of more than kLongestGap ago.
std::optional<KeptCounters> kept_counters(const std::string& path, Timestamp now);
// Once one goes on from them: a recorder that is killed leaves none.
void forget_counters(const std::string& path);

}  // namespace fdr
