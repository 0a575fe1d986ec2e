#include "recorder/system/cpu_list.hpp"

#include <charconv>
#include <string>

#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

std::vector<int> read_list(const char* path) { return parse_cpu_list(read_small_file(path, 1u << 16).value_or("")); }

}  // namespace

std::vector<int> parse_cpu_list(std::string_view text) {
  std::vector<int> cpus;
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    int first = 0, last = 0;
    auto parsed = std::from_chars(at, end, first);
    if (parsed.ec != std::errc{} || first < 0) return {};
    at = parsed.ptr;
    last = first;
    if (at != end && *at == '-') {
      parsed = std::from_chars(at + 1, end, last);
      if (parsed.ec != std::errc{} || last < first || last > 1 << 16) return {};
      at = parsed.ptr;
    }
    for (int cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (at == end) break;
    if (*at != ',' || at + 1 == end) return {};
    ++at;
  }
  return cpus;
}

std::vector<int> online_cpus() { return read_list("/sys/devices/system/cpu/online"); }
std::vector<int> possible_cpus() { return read_list("/sys/devices/system/cpu/possible"); }

}  // namespace fdr
