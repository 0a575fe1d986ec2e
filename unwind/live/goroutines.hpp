// The goroutines of a running Go program, read from outside without stopping it: in what state each is, where it stands and
// who created it; and grouped, as the program itself would print them (runtime/traceback.go, runtime/pprof).
//
// Stacks are walked by the pclntab, in copies of what lies above the stack pointer. What changed while it was read has no
// stack rather than a wrong one. Hostile: counts, sizes and depths are bounded. One thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "unwind/go_places.hpp"
#include "unwind/live/go_runtime.hpp"

namespace fdr {

inline constexpr std::size_t kMaxGoroutines = 200'000;
inline constexpr std::size_t kMaxGoFrames = 32;

struct Goroutine {
  std::uint64_t id = 0;
  std::uint32_t status = 0;       // runtime._Gidle and so on, without the bit that says it is being scanned
  std::uint8_t wait_reason = 0;
  bool walked = false;            // its stack could be read up to its first function
  std::uint64_t wait_since = 0;   // CLOCK_MONOTONIC ns, to the precision of a collection; 0: not known
  std::uint64_t go_pc = 0, start_pc = 0;  // behind the go statement that created it; its function
  std::vector<std::uint64_t> frames;      // addresses in the process, innermost first, each of the call and not behind it
};

struct Goroutines {
  std::vector<Goroutine> all;  // those that live
  std::uint64_t in_all = 0;    // that the program has, dead ones included
  bool cut = false;            // more than kMaxGoroutines live, or more than two millions ever lived at once: the rest is left out
  std::uint64_t unread = 0;    // that could not be read
  std::string problem;         // why there are none
};
Goroutines read_goroutines(const GoRuntime& runtime, const GoPclntab& table, const RemoteMemory& memory);

// How many there are, as runtime.NumGoroutine has it, by one call where `runtime` knows what to subtract. Else each is looked
// at, and the runtime's own (a handful) are counted too. Nothing where they cannot be read, or would have to be looked at
// and are more than kMaxCountedOneByOne.
inline constexpr std::size_t kMaxCountedOneByOne = 10'000;
std::optional<std::uint64_t> count_goroutines(const GoRuntime& runtime, const RemoteMemory& memory);

struct GoroutineGroup {
  std::string wait;                        // "chan send", "running", "select", ...
  std::string function, place;             // the first that is not the runtime's, and FILE:LINE of it
  std::string created_by, created_place;   // empty for the first goroutine
  std::uint64_t count = 0, walked = 0;
  bool system = false;                     // one of the runtime's own
  std::uint64_t oldest_wait = 0;           // CLOCK_MONOTONIC ns; 0: not known
  std::vector<std::string> stack;          // of one of them, "FUNCTION FILE:LINE", outermost first
};
// Largest first.
std::vector<GoroutineGroup> grouped(const Goroutines& goroutines, const GoRuntime& runtime, const GoPlaces& places);

}  // namespace fdr
