#include "recorder/cost/program_cost.hpp"

#include <array>
#include <utility>

namespace fdr {
namespace {

constexpr std::uint64_t kCall_ns = 370, kSparedCall_ns = 200;  // both hooks
constexpr std::uint64_t kSwitch_ns = 250;                      // of a target's thread, out and in
// By ring; a raw call is in kCall_ns.
constexpr std::array<std::uint64_t, FDR_RINGS> kRecord_ns = {4000, 1500, 0, 3000, 3000, 1500, 2000, 800};

constexpr std::uint64_t grown(std::uint64_t now, std::uint64_t before) { return now > before ? now - before : 0; }

}  // namespace

Duration ProgramCost::read(const WindowView& window, std::span<const std::uint32_t> live, bool calls) {
  Runs now = ended_;
  for (const std::uint32_t slot : live) now += runs_of(window.threads[slot]);
  std::uint64_t records_ns = 0;
  for (int ring = 0; ring < FDR_RINGS; ++ring)
    for (std::uint32_t slot = 0; slot < window.layout.slots; ++slot) records_ns += window.cursor(ring, slot).recorded * kRecord_ns[static_cast<std::size_t>(ring)];
  const Runs before = std::exchange(last_, now);
  const std::uint64_t records_before = std::exchange(records_ns_, records_ns);
  if (!std::exchange(known_, true)) return {};
  const std::uint64_t ns = grown(now.calls, before.calls) * (calls ? kCall_ns : kSparedCall_ns) + grown(now.switches, before.switches) * kSwitch_ns + grown(records_ns, records_before);
  return Duration{static_cast<std::int64_t>(ns)};
}

}  // namespace fdr
