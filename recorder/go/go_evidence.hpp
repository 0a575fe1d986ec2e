// What the targets' Go programs say of themselves at the firing: their goroutines, grouped, and their memory by allocation site, as
// process/PID/goroutines.json and process/PID/heap.json (FORMAT.md 1). Read at once, named later. One thread (the dumper's).
#pragma once

#include <memory>
#include <vector>

#include "recorder/go/go_programs.hpp"
#include "recorder/system/system_text.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/live/goroutines.hpp"

namespace fdr {

struct GoSnapshot {
  std::shared_ptr<const GoProgram> program;
  std::shared_ptr<const ElfImage> image;
  Timestamp at;
  Duration cost{};  // CPU time of reading the goroutines
  Goroutines goroutines;
  HeapProfile heap;
};
// 30 ms for each 10 000 goroutines. A program that has ended is left out; of one whose memory is locked there is the problem.
std::vector<GoSnapshot> read_go(const GoProgramList& programs);
TextFiles go_files(const std::vector<GoSnapshot>& snapshots);

}  // namespace fdr
