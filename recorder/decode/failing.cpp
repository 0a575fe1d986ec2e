#include "recorder/decode/failing.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <string>

namespace fdr {
namespace {

std::string fixed_text(const char* text, std::size_t room) { return std::string(text, ::strnlen(text, room)); }

}  // namespace

double sketch_estimate(std::span<const std::uint8_t, FDR_SKETCH> registers) {
  constexpr double m = FDR_SKETCH;
  double sum = 0, empty = 0;
  for (const std::uint8_t rank : registers) {
    sum += std::ldexp(1.0, -std::min<int>(rank, 64));
    empty += rank == 0;
  }
  const double estimate = 0.7213 / (1 + 1.079 / m) * m * m / sum;
  return estimate <= 2.5 * m && empty > 0 ? m * std::log(m / empty) : estimate;
}

std::vector<FailedSum> decode_failing(const std::vector<std::pair<fdr_failing_key, fdr_failing>>& entries, Timestamp begin, unsigned failing_shift) {
  const auto begin_ns = static_cast<std::uint64_t>(to_ns(begin));
  const auto first_epoch = static_cast<std::uint32_t>(begin_ns >> failing_shift);
  std::vector<FailedSum> sums;
  for (const auto& [key, entry] : entries) {
    if (entry.last_ns < begin_ns) continue;
    FailedSum sum;
    std::array<std::uint8_t, FDR_SKETCH> registers{};
    for (const fdr_failing_part& part : entry.parts) {
      if (part.calls == 0 || part.epoch < first_epoch) continue;
      sum.calls += part.calls;
      for (std::size_t i = 0; i < registers.size(); ++i) registers[i] = std::max(registers[i], part.registers[i]);
    }
    if (sum.calls == 0) continue;
    sum.process = fixed_text(key.comm, sizeof key.comm);
    sum.pid = static_cast<std::int32_t>(entry.tgid);
    for (const auto& comm : entry.ancestors)
      if (comm[0]) sum.ancestors.push_back(fixed_text(comm, sizeof comm));
    sum.of_target = entry.of_target != 0;
    sum.number = key.nr & FDR_NR_MASK;
    sum.abi = key.nr & FDR_NR_COMPAT ? SyscallAbi::kCompat : key.nr & FDR_NR_X32 ? SyscallAbi::kX32 : SyscallAbi::kNative;
    sum.error = key.error;
    sum.example.assign(entry.path, std::min<std::size_t>(entry.path_length, ::strnlen(entry.path, sizeof entry.path)));
    sum.directory = sum.example.substr(0, entry.directory_length);
    // Without paths there is nothing to tell apart; and no more of them than calls.
    if (!sum.example.empty())
      sum.distinct = std::min(sum.calls, std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(sketch_estimate(registers)))));
    sum.first = from_ns(entry.first_ns);
    sum.last = from_ns(entry.last_ns);
    sums.push_back(std::move(sum));
  }
  std::stable_sort(sums.begin(), sums.end(), [](const FailedSum& a, const FailedSum& b) { return a.calls > b.calls; });
  return sums;
}

}  // namespace fdr
