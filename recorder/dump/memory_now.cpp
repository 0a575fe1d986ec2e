#include "recorder/dump/memory_now.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "recorder/system/patient_read.hpp"
#include "recorder/targets/patient_memory.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMapsBytes = 16u << 20;
constexpr std::size_t kAtOnce = 4096;  // pages told at one asking: a millisecond or two

struct Asked {
  std::vector<std::uint64_t> addresses;
  std::unordered_map<std::uint64_t, PageMap::Page> pages;

  void read(std::int32_t pid) {
    const PageMap map(pid);
    for (const std::uint64_t address : addresses)
      if (const auto page = map.at(address)) pages.emplace(address / kPageBytes, *page);
  }
};

}  // namespace

// "START-END PERMISSIONS OFFSET DEVICE INODE   NAME" (proc(5)); lines that cannot be parsed are skipped.
MemoryNow::MemoryNow(std::int32_t pid, const std::vector<std::uint64_t>& addresses) {
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
  for (std::size_t at = 0; known() && at < addresses.size(); at += kAtOnce) {
    const auto asked = std::make_shared<Asked>();
    asked->addresses.assign(addresses.begin() + static_cast<std::ptrdiff_t>(at), addresses.begin() + static_cast<std::ptrdiff_t>(std::min(at + kAtOnce, addresses.size())));
    if (!with_memory_of(pid, [asked, pid] { asked->read(pid); })) return;
    pages_.merge(asked->pages);
  }
}

std::optional<std::string> MemoryNow::region(std::uint64_t address) const {
  const auto after = std::upper_bound(regions_.begin(), regions_.end(), address, [](std::uint64_t a, const Region& r) { return a < r.end; });
  if (after == regions_.end() || address < after->start) return std::nullopt;
  return after->name;
}

std::optional<bool> MemoryNow::holds(std::uint64_t address) const {
  const auto page = pages_.find(address / kPageBytes);
  if (page == pages_.end()) return std::nullopt;
  return page->second.present || page->second.swapped;
}

void settle_by_memory(Timeline& timeline, Timestamp now) {
  std::map<std::uint32_t, std::vector<Growth*>> grown;  // by process
  for (Growth& growth : timeline.growth) {
    if (!growth.address || growth.given_back || growth.thread >= timeline.threads.size()) continue;
    const std::uint32_t process = timeline.threads[growth.thread].process;
    if (process < timeline.processes.size() && !timeline.processes[process].ended) grown[process].push_back(&growth);
  }
  for (const auto& [process, samples] : grown) {
    std::vector<std::uint64_t> addresses;
    for (const Growth* growth : samples) addresses.push_back(growth->address);
    const MemoryNow memory(timeline.processes[process].pid, addresses);
    if (!memory.known()) continue;
    for (Growth* growth : samples) {
      const auto name = memory.region(growth->address);
      if (name) growth->region = *name;
      if (!name || memory.holds(growth->address) == false) growth->given_back = now;
    }
  }
}

}  // namespace fdr
