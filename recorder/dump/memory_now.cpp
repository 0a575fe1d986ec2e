#include "recorder/dump/memory_now.hpp"

#include <algorithm>
#include <charconv>
#include <map>

#include "recorder/system/patient_read.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMapsBytes = 16u << 20;

}  // namespace

// "START-END PERMISSIONS OFFSET DEVICE INODE   NAME" (proc(5)); lines that cannot be parsed are skipped.
MemoryNow::MemoryNow(std::int32_t pid) : pages_(pid) {
  const std::string text = read_patiently(pid, "maps", kMapsBytes).value_or("");
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t line_end = std::min(text.find('\n', at), text.size());
    const char *from = text.data() + at, *to = text.data() + line_end;
    at = line_end + 1;
    Region region;
    const auto start = std::from_chars(from, to, region.start, 16);
    if (start.ec != std::errc{} || start.ptr == to || *start.ptr != '-') continue;
    const auto end = std::from_chars(start.ptr + 1, to, region.end, 16);
    if (end.ec != std::errc{}) continue;
    const char* field = end.ptr;
    for (int fields = 0; fields < 4; ++fields) {  // permissions, offset, device, inode
      while (field != to && *field == ' ') ++field;
      while (field != to && *field != ' ') ++field;
    }
    while (field != to && *field == ' ') ++field;
    region.name.assign(field, to);
    regions_.push_back(std::move(region));
  }
}

std::optional<std::string> MemoryNow::region(std::uint64_t address) const {
  const auto after = std::upper_bound(regions_.begin(), regions_.end(), address, [](std::uint64_t a, const Region& r) { return a < r.end; });
  if (after == regions_.end() || address < after->start) return std::nullopt;
  return after->name;
}

std::optional<bool> MemoryNow::holds(std::uint64_t address) const {
  const auto page = pages_.at(address);
  if (!page) return std::nullopt;
  return page->present || page->swapped;
}

void settle_by_memory(Timeline& timeline, Timestamp now) {
  std::map<std::uint32_t, MemoryNow> memories;  // by process
  for (Growth& growth : timeline.growth) {
    if (!growth.address || growth.given_back || growth.thread >= timeline.threads.size()) continue;
    const std::uint32_t process = timeline.threads[growth.thread].process;
    if (process >= timeline.processes.size() || timeline.processes[process].ended) continue;
    const MemoryNow& memory = memories.try_emplace(process, timeline.processes[process].pid).first->second;
    if (!memory.known()) continue;
    const auto name = memory.region(growth.address);
    if (name) growth.region = *name;
    if (!name || memory.holds(growth.address) == false) growth.given_back = now;
  }
}

}  // namespace fdr
