#include "recorder/history/kept_counters.hpp"

#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "recorder/saved/state_file.hpp"
#include "recorder/system/boot_id.hpp"

namespace fdr {
namespace {

constexpr std::uint32_t kKind = 0x63746e72;  // "rntc"
constexpr std::size_t kMostBytes = 256u << 10;

}  // namespace

bool outlives_recorder(const std::string& metric, const Config& config) {
  return metric.starts_with("host.") || std::any_of(config.metrics.begin(), config.metrics.end(), [&](const UserMetricConfig& own) { return own.name == metric; });
}

void keep_counters(const std::string& path, const KeptCounters& counters) {
  StateWriter payload;
  payload.text(boot_id());
  payload.put(to_ns(counters.at));
  payload.put(static_cast<std::uint32_t>(counters.stands.size()));
  for (const CounterStand& stand : counters.stands) {
    payload.text(stand.name);
    payload.put(stand.value);
  }
  if (payload.size() <= kMostBytes) replace_state(path, kKind, payload.bytes());
}

void forget_counters(const std::string& path) { ::unlink(path.c_str()); }

std::optional<KeptCounters> kept_counters(const std::string& path, Timestamp now) {
  const auto bytes = read_state(path, kKind, kMostBytes);
  if (!bytes) return std::nullopt;
  ByteCursor from({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()});
  const std::string boot = get_text(from);
  KeptCounters counters{.at = from_ns(from.read<std::int64_t>()), .stands = {}};
  for (std::uint32_t left = get_count(from, sizeof(std::uint32_t) + sizeof(double)); left > 0 && !from.failed(); --left) {
    CounterStand stand{.name = get_text(from), .value = 0};
    stand.value = from.read<double>();
    if (std::isfinite(stand.value)) counters.stands.push_back(std::move(stand));
  }
  if (from.failed() || boot != boot_id() || counters.at > now || now - counters.at > kLongestGap) return std::nullopt;
  return counters;
}

}  // namespace fdr
