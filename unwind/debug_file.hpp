// What there is to know of names for one ELF file: its DWARF and its symbols, its own or those of a separate debug
// file, found and checked by libdwfl: DIR/.build-id/ab/cdef.debug, .gnu_debuglink (build-id or CRC), .gnu_debugdata
// (xz), dwz. Never from the network: DEBUGINFOD_URLS is taken out of the environment. libdwfl is named in debug_file.cpp
// alone. One thread; the Dwarf dies with the DebugFile.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "unwind/elf_image.hpp"
#include "unwind/elf_symbols.hpp"
#include "unwind/module_files.hpp"

struct Dwarf;

namespace fdr {

// libdwfl would download what it does not find, silently and up to 90 s for each file; without servers in the environment it asks nobody
// (debuginfod-client.c). Done by each DebugFile, and once before by who starts threads, since the environment is theirs too: where it is done already it
// changes nothing. Not by main: the command of `run` gets it as it was.
void never_download();

class DebugFile {
 public:
  // Throws Error where libdwfl does not accept the file.
  DebugFile(const ElfImage& image, const ModuleSearch& search);
  ~DebugFile();
  DebugFile(const DebugFile&) = delete;
  DebugFile& operator=(const DebugFile&) = delete;

  Dwarf* dwarf();                                          // nullptr where there is none
  std::string dwarf_directory();                           // of the file that it is in; empty where that is not known
  std::uint64_t dwarf_address(std::uint64_t vaddr) const;  // after dwarf(): what the DWARF calls this vaddr
  // Where "gFree.n" lies in the struct "runtime.schedt", in bytes; nothing where the DWARF does not say.
  std::optional<std::uint64_t> member_offset(const std::string& structure, const std::string& path);
  std::vector<ElfSymbol> symbols();
  std::string symbol_source();  // after symbols(): "symtab", "gnu_debugdata", "dynsym", empty where there are none

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr
