// Keeps the tables that the walk in the kernel reads: the rows of all files, and for each address space its segments.
//
// Rows are appended and never moved; a file's are there once, whoever maps it, and stay until the end. An address space has a place among
// window.spaces as long as a live process uses it; forked processes share it while theirs is still the parent's. Whoever has no place, or
// a file without rows in its way, has its stacks copied instead: nothing is lost but room. Session thread; the parsing is RowBuilder's.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "recorder/rows/row_builder.hpp"
#include "recorder/targets/held_files.hpp"
#include "recorder/targets/process_table.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class UnwindTables {
 public:
  explicit UnwindTables(WindowView window);

  // Once a tick. `changed`: some target's mappings, or the set of processes or threads, are not what they were at the last call.
  void follow(const ProcessTable& table, const std::vector<std::uint32_t>& live_slots, bool changed, Timestamp now);

  // The files that targets run or ran, as long as the table knows of them.
  const HeldFiles& held_files() const { return held_; }
  void release_files(const ProcessTable& table);

  // At most `most` live processes whose walks have met code that was mapped since their maps were read.
  std::vector<std::int32_t> strangers(const ProcessTable& table, std::size_t most);

  struct Report {
    std::uint64_t rows = 0, row_room = 0;
    std::uint32_t files = 0, pending = 0;   // parsed; asked for and not there yet
    std::uint32_t spaces = 0, space_room = 0;
    std::uint64_t homeless = 0;             // address spaces that found no place
    std::uint64_t segments_left_out = 0;    // of processes with more than FDR_SEGMENTS executable mappings
    double seconds = 0;                     // CPU time of parsing
    std::map<std::string, std::string> refused;  // path -> why: files that have no rows here; at most 64
  };
  const Report& report() const { return report_; }

 private:
  struct File {
    bool ready = false;
    std::uint32_t first = 0, count = 0;  // count FDR_ROWS_PENDING: none to be had
    std::uint64_t base = 0;
    std::vector<ElfImage::Segment> segments;
  };
  struct Place {
    std::uint32_t index = 0;
    std::size_t mappings = 0;   // that its segments were made of
    std::uint64_t strange = 0;
    bool used = false, stale = true;  // stale: not as it could be
  };
  using Space = std::weak_ptr<const AddressSpace>;

  bool take_built();
  void refuse(const Module& module, const std::string& why);
  const File* file_of(std::int32_t pid, const Mapping& mapping);  // null while it does not answer
  Place* place_of(const std::shared_ptr<AddressSpace>& space);
  void write_segments(Place& place, std::int32_t pid, const AddressSpace& space, Timestamp now);
  fdr_segment segment_of(Place& place, std::int32_t pid, const AddressSpace::Stretch& stretch);

  WindowView window_;
  HeldFiles held_;
  RowBuilder builder_;
  std::map<Module, File> files_;
  std::map<std::string, std::pair<std::uint32_t, std::uint32_t>> by_build_id_;  // first, count
  std::map<Space, Place, std::owner_less<>> places_;
  std::vector<std::uint32_t> free_;
  Report report_;
};

}  // namespace fdr
