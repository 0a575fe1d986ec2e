// Which functions of a file hand out memory and take it back, found by their names in its symbol tables: the C library's, those of
// allocators that take their place (jemalloc, mimalloc, tcmalloc; in a file of their own or linked in), and C++'s operators where they do
// not end in malloc.
//
// Names of C (ISO 7.22.3, POSIX), and as the allocators' manuals list them. The file is hostile: tables are read bounded, and a function must
// lie in executable bytes of the file. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/window/wire.h"
#include "unwind/elf_image.hpp"

namespace fdr {

struct AllocatorFunction {
  std::uint64_t offset = 0;    // in the file, of the instruction to probe: the first, or one that is reached before anything has changed
  std::uint64_t cookie = 0;    // fdr_heap_call
  std::string name;
  bool operator==(const AllocatorFunction&) const = default;
};

// By offset, each once; at most 64. Empty where the file is no allocator.
std::vector<AllocatorFunction> allocator_functions(const ElfImage& image);

}  // namespace fdr
