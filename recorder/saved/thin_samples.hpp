// A few of the stack samples of the ring, as slices on disk hold them: records as the programs wrote them, the threads they are of, and where
// the kernel was, so that its frames can be named in another boot, where it lies elsewhere (KASLR).
//
// SamplePicker reads the newest chunks of the ring, racing its writers as a snapshot does; ThinSamples is what is read back, every byte
// hostile. Bounded: a slice takes at most kMostBytes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/byte_cursor.hpp"
#include "formats/clock.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

// Where the kernel's own code begins; 0 where that is not told (kptr_restrict).
std::uint64_t kernel_begin(std::string_view kallsyms);

class SamplePicker {
 public:
  static constexpr std::size_t kMost = 64, kMostBytes = 12'288, kMostOfOne = 2048;
  static constexpr std::uint32_t kMostSlots = 16;  // that are looked at each time

  struct Slice {
    std::string samples, threads;  // payloads; empty where there is nothing new
  };
  // Those since the last time, evenly thinned.
  Slice pick(const WindowView& window);
  // The threads are told anew.
  void begin_anew() { told_.clear(); }

 private:
  struct Found {
    std::uint32_t cpu;
    std::string record;
  };
  void look(const WindowView& window, std::uint32_t slot, std::vector<Found>& found, std::uint64_t& seen);

  std::vector<std::uint64_t> last_ns_;  // by slot
  std::vector<std::uint8_t> copy_;
  std::map<std::uint32_t, std::uint64_t> told_;  // thread id -> hash of its name
  std::uint32_t next_slot_ = 0;
};

std::string kernel_payload(const std::string& release, std::uint64_t begin);

struct ThinSamples {
  std::string release;         // of the kernel that recorded
  std::uint64_t kernel_begin = 0;
  std::uint64_t seen = 0, kept = 0;
  std::map<std::uint32_t, std::string> by_cpu;   // records
  std::map<std::uint32_t, fdr_thread> threads;   // by id, as last told

  void read_kernel(ByteCursor& from);
  void read_threads(ByteCursor& from);
  void read_records(ByteCursor& from);
  // As if the kernel had lain at `begin` all the time. Frames that cannot be moved (of modules; all, where either place is unknown) go.
  void move_kernel(std::uint64_t begin);
};

}  // namespace fdr
