// The executable mappings of one process over time. Mappings are learned from /proc/PID/maps and from the side band
// (MMAP2), kept with the moment they appeared, so that an address is looked up as of the sample's time. exec replaces
// an AddressSpace by a new one; fork shares it until one side changes. Nobody reports munmap: a mapping lasts until
// another one covers it. Bounded: past kMaxMappings new ones are refused and counted. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/clock.hpp"
#include "formats/stacks.hpp"

namespace fdr {

struct Mapping {
  std::uint64_t start = 0, end = 0;
  std::uint64_t file_offset = 0;  // of `start`
  Module module;
  Timestamp since{};     // appeared; Timestamp{} for those that were there at first sight
  bool deleted = false;  // the file had been unlinked or replaced: its path may now name another one
  std::uint64_t device = 0;  // of the file, as maps has it: major << 32 | minor; 0 where it was not told

  std::uint64_t offset_of(std::uint64_t address) const { return file_offset + (address - start); }
  bool operator==(const Mapping&) const = default;
};

class AddressSpace {
 public:
  static constexpr std::size_t kMaxMappings = 4096;

  // A newer mapping hides older ones in its range from its time on. One that is known already is merged: the side band
  // knows the build-id, the maps file does not.
  void add(Mapping mapping);
  // The mapping that held `address` at `time`, nullptr where there is none. Valid until the next add().
  const Mapping* find(std::uint64_t address, Timestamp time) const;
  const std::vector<Mapping>& mappings() const { return mappings_; }
  // What is mapped where at `time`: by start, without overlap. Valid until the next add().
  struct Stretch {
    std::uint64_t start = 0, end = 0;
    const Mapping* mapping = nullptr;
  };
  std::vector<Stretch> stretches(Timestamp time) const;
  std::uint64_t refused() const { return refused_; }

  // Changes with `time` whenever an address may mean something else than before, and with every add() that hides
  // something: what a cache keyed by address has to watch.
  std::uint64_t epoch(Timestamp time) const;

 private:
  std::vector<Mapping> mappings_;       // by start, then since
  std::vector<std::uint64_t> reach_;    // reach_[i]: greatest end of mappings_[0..i]
  std::vector<Timestamp> replaced_at_;  // sorted: when a mapping hid an older one
  std::uint64_t refused_ = 0;
};

// Executable lines of /proc/PID/maps; build-ids are not in that file and stay empty. Lines that cannot be parsed are
// skipped.
std::vector<Mapping> parse_maps(std::string_view text);

}  // namespace fdr
