#include "recorder/targets/process_text.hpp"

#include <array>

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kMaxThreads = 1 << 22;

}  // namespace

std::optional<ProcStat> parse_pid_stat(std::string_view text, long ticks_per_second, long page_size) {
  // The comm is raw: it may hold spaces, parentheses and newlines; no field behind it holds a ')'.
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open || ticks_per_second <= 0) {
    return std::nullopt;
  }
  ProcStat stat;
  stat.comm = std::string(text.substr(open + 1, close - open - 1));
  std::string_view rest = text.substr(close + 1);
  rest = take_line(rest);
  const std::string_view state = take_word(rest);
  if (state.size() != 1) return std::nullopt;
  stat.state = state.front();

  // Fields 4 (parent) to 24 (rss) of proc(5).
  std::array<std::int64_t, 21> fields{};
  for (std::int64_t& field : fields) {
    const auto number = parse_count(take_word(rest));
    if (!number || *number > 9e18 || *number < -9e18) return std::nullopt;
    field = static_cast<std::int64_t>(*number);
  }
  const auto field = [&](std::size_t number) { return fields[number - 4]; };
  const auto count = [&](std::size_t number) {
    return field(number) < 0 ? 0 : static_cast<std::uint64_t>(field(number));
  };
  const double tick = 1.0 / static_cast<double>(ticks_per_second);
  if (field(4) < 0 || field(4) > INT32_MAX || field(20) < 0 || field(20) > kMaxThreads) return std::nullopt;
  stat.parent = static_cast<std::int32_t>(field(4));
  stat.minor_faults = count(10);
  stat.major_faults = count(12);
  stat.user_s = static_cast<double>(count(14)) * tick;
  stat.system_s = static_cast<double>(count(15)) * tick;
  stat.threads = static_cast<int>(field(20));
  stat.start_ticks = count(22);
  stat.rss_bytes = count(24) * static_cast<std::uint64_t>(page_size);
  return stat;
}

std::optional<ProcMemory> parse_pid_status(std::string_view text) {
  ProcMemory memory;
  std::uint64_t rss = 0;
  bool pid = false, by_kind = false;
  for_each_field(text, [&](std::string_view name, double value) {
    if (value < 0 || value > 9e18) return;
    const auto bytes = static_cast<std::uint64_t>(value);
    if (name == "Pid") {
      pid = true;
    } else if (name == "VmRSS") {
      rss = bytes;
    } else if (name == "RssAnon") {
      memory.anon = bytes;
      by_kind = true;
    } else if (name == "RssFile") {
      memory.file = bytes;
    } else if (name == "RssShmem") {
      memory.shmem = bytes;
    } else if (name == "VmSwap") {
      memory.swap = bytes;
    } else if (name == "voluntary_ctxt_switches") {
      memory.voluntary = bytes;
    } else if (name == "nonvoluntary_ctxt_switches") {
      memory.involuntary = bytes;
    }
  });
  if (!pid) return std::nullopt;
  if (!by_kind) memory.anon = rss;  // before 4.5 the kinds are not told apart; a zombie has neither
  return memory;
}

}  // namespace fdr
