// The parsers of what host metrics are made from. Free functions over text; malformed text gives nothing, or less.
#include <limits>

#include "recorder/metrics/host.hpp"
#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

using CountMap = std::map<std::string, double, std::less<>>;

CountMap all_fields(std::string_view text) {
  CountMap fields;
  for_each_field(text, [&](std::string_view name, double value) { fields.emplace(name, value); });
  return fields;
}

}  // namespace

std::optional<CpuTimes> parse_proc_stat(std::string_view text, long ticks_per_second) {
  std::string_view line = take_line(text);
  return take_word(line) == "cpu" ? parse_cpu_times(line, ticks_per_second) : std::nullopt;
}

std::optional<CpuTimes> parse_cpu_times(std::string_view line, long ticks_per_second) {
  if (ticks_per_second <= 0) return std::nullopt;
  CpuTimes times;
  double* const fields[] = {&times.user,   &times.nice, &times.system,  &times.idle,
                            &times.iowait, &times.irq,  &times.softirq, &times.steal};
  std::size_t found = 0;
  for (double* field : fields) {
    const auto ticks = parse_number<std::uint64_t>(take_word(line));
    if (!ticks) break;
    *field = static_cast<double>(*ticks) / static_cast<double>(ticks_per_second);
    ++found;
  }
  if (found < 4) return std::nullopt;  // steal came with 2.6.11; guest time is a part of user and is not added again
  return times;
}

CountMap parse_meminfo(std::string_view text) { return all_fields(text); }
CountMap parse_vmstat(std::string_view text) { return all_fields(text); }

std::optional<Pressure> parse_pressure(std::string_view text) {
  // "full" of cpu came with 5.13: unknown before, not zero.
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  Pressure pressure{kUnknown, kUnknown};
  bool some = false;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    const std::string_view kind = take_word(line);
    const std::size_t at = line.find("total=");
    if (at == std::string_view::npos) continue;
    std::string_view rest = line.substr(at + 6);
    const auto microseconds = parse_number<std::uint64_t>(take_word(rest));
    if (!microseconds) continue;
    const double seconds = static_cast<double>(*microseconds) * 1e-6;
    if (kind == "some") {
      pressure.some = seconds;
      some = true;
    } else if (kind == "full") {
      pressure.full = seconds;
    }
  }
  if (!some) return std::nullopt;
  return pressure;
}

CountMap parse_net_counters(std::string_view text) {
  CountMap counters;
  for_each_net_counter(text, [&](std::string_view protocol, std::string_view name, double value) {
    counters.emplace(std::string(protocol) + "." + std::string(name), value);
  });
  return counters;
}

}  // namespace fdr
