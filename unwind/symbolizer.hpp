// Names for the frames of a recording, offline, in one batch: sorted by address, each file opened once, each
// compilation unit walked once (libdw). Sources in order: DWARF of the file or its separate debug file (build-id,
// debuglink), Go's pclntab, .symtab, .gnu_debugdata, .dynsym; the slices that the bundle holds, which need no file;
// vDSO. Frames of the kernel and of JIT compilers keep the name they were given at dump time. A file that carries no
// build-id is only believed where its symbols are those of the slice. Inline frames, C++/Rust demangled. Symbols are
// bounded by st_size: an address behind a symbol's end has no name. What stays without one is called by where its
// function begins ("redis-server!fn@64d70", from the unwind tables), so that frames of one function stay together, or
// by its offset where nothing but a line is known; neither counts as named. The network is never asked. One batch
// per thread.
#pragma once

#include <string>
#include <vector>

#include "formats/modules.hpp"
#include "formats/stacks.hpp"
#include "unwind/module_files.hpp"

namespace fdr {

struct Symbols {
  FrameNames names;  // indexed like stacks.frames()
  std::vector<ModuleNaming> modules;
};

// `slices` indexed like stacks.modules(), or shorter.
Symbols symbolize(const StackTable& stacks, const ModuleSearch& search = {}, const std::vector<ModuleSlice>& slices = {});

// What the bundle alone says, without looking for any file.
FrameNames recorded_names(const StackTable& stacks, const std::vector<ModuleSlice>& slices);

}  // namespace fdr
