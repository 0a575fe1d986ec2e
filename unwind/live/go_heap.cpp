#include "unwind/live/go_heap.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace fdr {
namespace {

constexpr std::uint64_t kPage = 4096, kMaxPages = 16'384, kMaxStack = 1024, kMemoryProfile = 1;

// runtime.bucket; behind it nstk return addresses, then memRecord, which begins with the counts that are published.
struct Bucket {
  std::uint64_t next, all_next, type, hash, size, stack_length;
};
struct Published {  // runtime.memRecordCycle
  std::uint64_t allocations, frees, allocated_bytes, freed_bytes;
};

// Buckets lie side by side: a page holds a dozen.
class Pages {
 public:
  explicit Pages(const RemoteMemory& memory) : memory_(memory) {}

  bool read(std::uint64_t address, void* to, std::uint64_t length) {
    auto* out = static_cast<std::uint8_t*>(to);
    while (length > 0) {
      const std::uint64_t offset = address % kPage, part = std::min(length, kPage - offset);
      const auto* page = at(address / kPage);
      if (!page) return false;
      std::memcpy(out, page->data() + offset, part);
      out += part, address += part, length -= part;
    }
    return true;
  }

 private:
  const std::vector<std::uint8_t>* at(std::uint64_t number) {
    const auto known = pages_.find(number);
    if (known != pages_.end()) return known->second.empty() ? nullptr : &known->second;
    if (pages_.size() >= kMaxPages) return nullptr;
    std::vector<std::uint8_t>& bytes = pages_[number];
    bytes.resize(kPage);
    RemotePart part{number * kPage, bytes};
    memory_({&part, 1});
    if (!part.whole) bytes.clear();
    return part.whole ? &bytes : nullptr;
  }

  const RemoteMemory& memory_;
  std::unordered_map<std::uint64_t, std::vector<std::uint8_t>> pages_;
};

// What one sampled byte of an allocation of this size stands for.
double scale(double size, std::uint64_t rate) {
  if (rate <= 1 || size <= 0) return 1;
  return 1 / (1 - std::exp(-size / static_cast<double>(rate)));
}

bool is_runtime(std::string_view function) { return function.starts_with("runtime."); }

}  // namespace

HeapProfile read_heap(const GoRuntime& runtime, const RemoteMemory& memory) {
  HeapProfile profile;
  profile.problem = runtime.heap_problem;
  if (!profile.problem.empty()) return profile;
  const auto rate = read_remote<std::uint64_t>(memory, runtime.profile_rate), head = read_remote<std::uint64_t>(memory, runtime.buckets);
  if (!rate || !head) {
    profile.problem = "its memory cannot be read";
    return profile;
  }
  if (*rate == 0) {
    // The linker turns the profile off (runtime.disableMemoryProfiling) where nothing reaches runtime.MemProfile.
    profile.problem = "the program keeps no memory profile: nothing in it calls runtime.MemProfile (net/http/pprof would), or it "
                      "has set runtime.MemProfileRate to 0";
    return profile;
  }
  profile.rate = *rate;
  Pages pages(memory);
  std::unordered_set<std::uint64_t> seen;
  for (std::uint64_t at = *head; at != 0;) {
    Bucket bucket{};
    Published counts{};
    if (seen.size() >= kMaxHeapBuckets || !seen.insert(at).second || !pages.read(at, &bucket, sizeof bucket) ||
        bucket.type != kMemoryProfile || bucket.stack_length > kMaxStack) {
      profile.problem = seen.size() >= kMaxHeapBuckets ? fmt::format("cut after {} allocation sites", kMaxHeapBuckets)
                                                       : "the memory profile does not hold together";
      break;
    }
    std::vector<std::uint64_t> stack(bucket.stack_length);
    if (!pages.read(at + sizeof bucket, stack.data(), stack.size() * 8) ||
        !pages.read(at + sizeof bucket + stack.size() * 8, &counts, sizeof counts)) {
      profile.problem = "part of the memory profile cannot be read";
      break;
    }
    HeapProfile::Counts& sum = profile.buckets[{std::move(stack), bucket.size}];
    sum.allocations += counts.allocations;
    sum.allocated_bytes += counts.allocated_bytes;
    sum.freed_bytes += counts.freed_bytes;
    at = bucket.all_next;
  }
  return profile;
}

std::vector<HeapSite> heap_sites(const HeapProfile& start, const HeapProfile& now, const GoRuntime& runtime,
                                 const GoPlaces& places) {
  std::unordered_map<std::uint64_t, std::vector<GoPlace>> names;
  const auto names_of = [&](std::uint64_t return_address) -> const std::vector<GoPlace>& {
    const auto [known, fresh] = names.try_emplace(return_address);
    if (fresh) known->second = places.at(return_address - 1 - runtime.bias);
    return known->second;
  };
  const auto place_text = [](const GoPlace& place) {
    return place.file.empty() ? std::string() : fmt::format("{}:{}", place.file, place.line);
  };
  std::map<std::pair<std::string, std::string>, std::pair<HeapSite, double>> sites;  // and the most that one stack holds
  for (const auto& [key, counts] : now.buckets) {
    const auto& [stack, size] = key;
    std::vector<GoPlace> frames;
    for (const std::uint64_t address : stack)
      for (const GoPlace& place : names_of(address))
        if (!frames.empty() || !is_runtime(place.function)) frames.push_back(place);
    const GoPlace site = frames.empty() ? GoPlace{"runtime", "", 0} : frames.front();
    auto& [sum, most] = sites[{std::string(site.function), place_text(site)}];
    sum.function = site.function;
    sum.place = place_text(site);
    const auto before = start.buckets.find(key);
    const HeapProfile::Counts old = before == start.buckets.end() ? HeapProfile::Counts{} : before->second;
    const double factor = scale(static_cast<double>(size), now.rate);
    const auto scaled = [&](std::uint64_t more, std::uint64_t less) {
      return factor * (static_cast<double>(more) - static_cast<double>(less));
    };
    const double in_use = scaled(counts.allocated_bytes, counts.freed_bytes);
    sum.in_use_bytes += in_use;
    sum.allocated_bytes += scaled(counts.allocated_bytes, 0);
    if (start.rate != 0) {
      sum.grown_bytes += in_use - scaled(old.allocated_bytes, old.freed_bytes);
      sum.allocated_since_bytes += scaled(counts.allocated_bytes, old.allocated_bytes);
    }
    if (sum.stack.empty() || in_use > most) {
      most = in_use;
      sum.stack.clear();
      for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame)
        sum.stack.push_back(fmt::format("{} {}", frame->function, place_text(*frame)));
    }
  }
  std::vector<HeapSite> sorted;
  for (auto& [key, site] : sites) sorted.push_back(std::move(site.first));
  std::stable_sort(sorted.begin(), sorted.end(), [](const HeapSite& a, const HeapSite& b) {
    return std::tie(a.grown_bytes, a.in_use_bytes) > std::tie(b.grown_bytes, b.in_use_bytes);
  });
  return sorted;
}

}  // namespace fdr
