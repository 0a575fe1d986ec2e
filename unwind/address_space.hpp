// The executable mappings of one process over time. Mappings are learned from /proc/PID/maps and from the side band (MMAP2), kept
// with the moment they appeared, so that an address is looked up as of the sample's time. exec replaces an AddressSpace by a new
// one; fork shares it until one side changes. Bounded: past kMaxMappings new ones are refused and counted. Not thread-safe.
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
  Timestamp since{};              // appeared; Timestamp{} for those that were there at first sight
};

class AddressSpace {
 public:
  static constexpr std::size_t kMaxMappings = 4096;

  void add(Mapping mapping);  // a newer mapping hides older ones in its range from its time on
  // The mapping that held `address` at `time`, nullptr where there is none.
  const Mapping* find(std::uint64_t address, Timestamp time) const;
  const std::vector<Mapping>& mappings() const { return mappings_; }
  std::uint64_t refused() const { return refused_; }

 private:
  std::vector<Mapping> mappings_;  // by start, then since
  std::uint64_t refused_ = 0;
};

// Executable lines of /proc/PID/maps; build-ids are not in that file and stay empty.
std::vector<Mapping> parse_maps(std::string_view text);

}  // namespace fdr
