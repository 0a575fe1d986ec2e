// Names for the frames of a recording, offline, in one batch: sorted by address, each file opened once, each
// compilation unit walked once (libdw). Sources in order: DWARF of the file or its separate debug file (build-id,
// debuglink), .symtab, .gnu_debugdata, .dynsym; vDSO; kernel frames keep the name they were given at dump time. Inline
// frames, C++/Rust demangled. Symbols are bounded by st_size: an address behind a symbol's end has no name. What stays
// without one is called by where its function begins ("redis-server!fn@64d70", from the unwind tables), so that frames
// of one function stay together; it does not count as named. DEBUGINFOD_URLS is cleared: no network. One Symbolizer per
// thread.
#pragma once

#include <string>
#include <vector>

#include "formats/stacks.hpp"
#include "unwind/module_files.hpp"

namespace fdr {

struct ModuleNaming {  // how one module was named, for `fdr report`
  std::uint32_t module = 0;
  std::size_t frames = 0, named = 0;
  std::string source;   // "DWARF", "symtab", "dynsym", "kallsyms", ...
  std::string problem;  // why not, and what would help
};

struct Symbols {
  FrameNames names;  // indexed like stacks.frames()
  std::vector<ModuleNaming> modules;
};

Symbols symbolize(const StackTable& stacks, const ModuleSearch& search = {});

}  // namespace fdr
