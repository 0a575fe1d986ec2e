// The memory profile of a running Go program, read from outside without stopping it: what each allocation site has taken and
// given back, as of the program's last but one collection, which is what its own heap profile says (runtime/mprof.go).
//
// The runtime samples one allocation in each MemProfileRate bytes; figures are scaled up as `go tool pprof` does
// (1 / (1 - exp(-size / rate))). Hostile: a list in a circle, impossible sizes and unreadable memory end it. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "unwind/go_places.hpp"
#include "unwind/live/go_runtime.hpp"

namespace fdr {

inline constexpr std::size_t kMaxHeapBuckets = 100'000;

struct HeapProfile {
  struct Counts {  // sampled, of one site and size
    std::uint64_t allocations = 0, allocated_bytes = 0, freed_bytes = 0;
  };
  std::map<std::pair<std::vector<std::uint64_t>, std::uint64_t>, Counts> buckets;  // by stack (innermost first) and size
  std::uint64_t rate = 0;  // bytes
  std::string problem;     // why there is none, or why it is not all
};
HeapProfile read_heap(const GoRuntime& runtime, const RemoteMemory& memory);

struct HeapSite {
  std::string function, place;  // the first that is not the runtime's, and FILE:LINE of it
  double in_use_bytes = 0, grown_bytes = 0;       // now; more than at the start
  double allocated_bytes = 0, allocated_since_bytes = 0;  // since the program began; since the start
  std::vector<std::string> stack;  // the one that holds most, "FUNCTION FILE:LINE", outermost first
};
// What has grown most first, then what is largest. Without a profile of the start nothing has grown (and it is for the
// caller to say that it is not known).
std::vector<HeapSite> heap_sites(const HeapProfile& start, const HeapProfile& now, const GoRuntime& runtime,
                                 const GoPlaces& places);

}  // namespace fdr
