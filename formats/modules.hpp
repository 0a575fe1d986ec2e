// modules.json: the files whose code appears in the stacks of a recording, each with a slice of its symbol table, the
// functions that were touched, so that a bundle can be read where the files never were. FORMAT.md, section 5.
//
// Also what the halves say to each other about a module: whose code without a file it is (a JIT compiler's code means
// something in its process alone), and how it was named. Plain data. What is read is hostile: a part that cannot be is
// left out and counted, never an end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/stacks.hpp"
#include "formats/timeline.hpp"

namespace fdr {

// Touched functions of one module. Offsets are the file's, like those of frames.
struct ModuleSlice {
  struct Function {
    std::uint64_t offset = 0, size = 0;
    std::string name;  // as the symbol table has it: mangled
    bool operator==(const Function&) const = default;
  };
  struct Nameless {  // known from the unwind tables: a beginning and an end, and what the linker calls its beginning
    std::uint64_t offset = 0, size = 0, vaddr = 0;
    bool operator==(const Nameless&) const = default;
  };
  std::string source;  // "symtab", "dynsym", "gnu_debugdata", "pclntab"; empty where the file had no names at all
  std::vector<Function> functions;
  std::vector<Nameless> nameless;
  std::uint64_t left_out = 0;  // functions that found no room in the bundle
  bool empty() const { return functions.empty() && nameless.empty(); }
  bool operator==(const ModuleSlice&) const = default;
};

// At most so many bytes of names go into one bundle; so many of one name.
inline constexpr std::size_t kMaxSliceBytes = 1u << 20;
inline constexpr std::size_t kMaxSliceName = 4096;

// Leaves out what is over `max_bytes` of modules.json, the functions of the fewest samples first, and counts it.
// `slices` indexed like stacks.modules().
void fit_slices(const Timeline& timeline, std::vector<ModuleSlice>& slices, std::size_t max_bytes = kMaxSliceBytes);

struct RecordedModule {
  Module module;
  std::uint64_t frames = 0;  // distinct ones in stacks
  ModuleSlice slice;
  bool operator==(const RecordedModule&) const = default;
};

// `slices` indexed like stacks.modules(), or shorter.
std::string modules_json(const StackTable& stacks, const std::vector<ModuleSlice>& slices);
// Throws Error where it is no such document; what is damaged inside is left out, and `*damaged` counts it.
std::vector<RecordedModule> modules_from_json(std::string_view text, std::size_t* damaged);
// The slices of the modules of `stacks`, indexed like stacks.modules(): a module is found by what it is, never by its
// place in the file.
std::vector<ModuleSlice> slices_of(const StackTable& stacks, const std::vector<RecordedModule>& recorded);

const char* module_kind_name(ModuleKind kind);

// Code without a file: "[anon 4711]" is what process 4711 made for itself, "[unmapped 4711]" was not known to be mapped.
Module anonymous_module(std::string_view what, std::int32_t pid);
std::optional<std::int32_t> process_of(const Module& module);  // nothing for a file, and in older bundles

struct ModuleNaming {  // how one module was named, for `fdr report`
  std::uint32_t module = 0;
  std::size_t frames = 0, named = 0;
  std::string source;   // "DWARF", "symtab", "recorded symtab", "perf map", "kallsyms", ...
  std::string problem;  // why not, and what would help
};

}  // namespace fdr
