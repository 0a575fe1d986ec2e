#include "unwind/symbolizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <span>
#include <utility>

#include "unwind/debug_file.hpp"
#include "unwind/demangle.hpp"
#include "unwind/dwarf_names.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/go_places.hpp"
#include "unwind/own_vdso.hpp"
#include "unwind/perf_map.hpp"
#include "unwind/plt_symbols.hpp"
#include "unwind/symbol_slices.hpp"

namespace fdr {

namespace {

// One frame of a module that waits for its name.
struct Wanted {
  std::uint64_t vaddr = 0;
  std::uint32_t frame = 0;
};

bool has_name(const std::vector<SourceFrame>& frames) { return !frames.empty() && !frames.back().function.empty(); }

// Without scope or parameters: a C function, or a C++ one that DWARF gives no more of.
bool is_bare(const std::string& function) {
  return function.find("::") == std::string::npos &&
         (function.find('(') == std::string::npos || function == "operator()");
}

// A function that is known by its beginning only.
std::string start_name(const Module& module, std::uint64_t vaddr) {
  return fmt::format("{}!fn@{:x}", module.path.substr(module.path.rfind('/') + 1), vaddr);
}

constexpr std::size_t kWorthAThread = 2000;  // addresses of one file
constexpr int kNameless = 1;  // rank of such a one among symbols
constexpr const char* kStripped = "stripped: exported names only; install its debug package or give --debug-dir";

class Batch {
 public:
  Batch(const StackTable& stacks, const ModuleSearch& search, const std::vector<ModuleSlice>& slices)
      : stacks_(stacks), search_(search), slices_(slices), files_(search) {}
  Symbols run(bool with_files);

 private:
  void name_module(std::uint32_t module, const std::vector<std::uint32_t>& frames, ModuleNaming& naming);
  void name_from_file(const ElfImage& image, const std::vector<Wanted>& wanted, ModuleNaming& naming);
  void name_from_slice(std::uint32_t module, const std::vector<std::uint32_t>& frames, ModuleNaming& naming);
  bool is_recorded(const ElfImage& image, std::uint32_t module, const std::vector<std::uint32_t>& frames) const;
  void name_from_dwarf(DebugFile& debug, const ElfImage& image, const std::vector<Wanted>& wanted, ModuleNaming& naming);
  void name_from_go(const ElfImage& image, const std::vector<Wanted>& wanted);
  void name_from_symbols(DebugFile& debug, const ElfImage& image, const std::vector<Wanted>& wanted);
  void name_by_function_start(const ElfImage& image, const Module& module, const std::vector<Wanted>& wanted);

  const StackTable& stacks_;
  const ModuleSearch& search_;
  const std::vector<ModuleSlice>& slices_;
  ModuleFiles files_;
  FrameNames names_;
};

Symbols Batch::run(bool with_files) {
  const auto& frames = stacks_.frames();
  names_.resize(frames.size());
  std::vector<std::vector<std::uint32_t>> unnamed(stacks_.modules().size());
  Symbols symbols;
  for (std::uint32_t module = 0; module < stacks_.modules().size(); ++module)
    symbols.modules.push_back({module, 0, 0, "", ""});
  for (std::uint32_t i = 0; i < frames.size(); ++i) {
    if (frames[i].module >= unnamed.size()) continue;
    ModuleNaming& naming = symbols.modules[frames[i].module];
    ++naming.frames;
    if (frames[i].name.empty()) {
      unnamed[frames[i].module].push_back(i);
    } else {  // named at dump time
      const bool kernel = stacks_.modules()[frames[i].module].kind == ModuleKind::kKernel;
      names_[i] = {{kernel ? frames[i].name : readable_jit_name(frames[i].name), "", 0}};
      ++naming.named;
      naming.source = kernel ? "kallsyms" : "perf map";
    }
  }
  for (ModuleNaming& naming : symbols.modules) {
    if (unnamed[naming.module].empty()) continue;
    try {
      if (with_files) name_module(naming.module, unnamed[naming.module], naming);
      else name_from_slice(naming.module, unnamed[naming.module], naming);
    } catch (const std::exception& error) {  // one damaged file must not cost the others their names
      naming.problem = error.what();
    }
  }
  symbols.names = std::move(names_);
  return symbols;
}

void Batch::name_module(std::uint32_t index, const std::vector<std::uint32_t>& frames, ModuleNaming& naming) {
  const Module& module = stacks_.modules()[index];
  if (module.kind == ModuleKind::kKernel) {
    naming.problem = "no kernel symbols were recorded (kernel.kptr_restrict hides them)";
    return;
  }
  if (module.kind == ModuleKind::kAnonymous) {
    naming.problem = naming.named > 0 ? "the perf map of the process has no entry for them"
                                      : "code without a file, of a JIT compiler perhaps, and no perf map with its names";
    return;
  }
  // Another kernel's vDSO has other code at the same place: only a proven one will do.
  if (module.kind == ModuleKind::kVdso && !module.build_id.empty()) files_.add_image(module, own_vdso());
  const ElfImage* image = files_.find(module);
  if (!image) naming.problem = module.kind == ModuleKind::kVdso ? "the vDSO of another kernel" : files_.reason(module);
  if (image && !is_recorded(*image, index, frames)) {
    naming.problem = module.path + " is another file than the one recorded";
    image = nullptr;
  }
  std::vector<Wanted> wanted;
  if (image) {
    for (const std::uint32_t frame : frames)
      if (const auto vaddr = image->vaddr_of_offset(stacks_.frames()[frame].offset)) wanted.push_back({*vaddr, frame});
    if (wanted.size() < frames.size())
      naming.problem = fmt::format("{} addresses lie outside the file", frames.size() - wanted.size());
    std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.vaddr < b.vaddr; });
    name_from_file(*image, wanted, naming);
  }
  if (naming.named < naming.frames) name_from_slice(index, frames, naming);
  if (image) name_by_function_start(*image, module, wanted);
}

// Without a build-id, a file is the recorded one if it would give the same slice.
bool Batch::is_recorded(const ElfImage& image, std::uint32_t index, const std::vector<std::uint32_t>& frames) const {
  if (!stacks_.modules()[index].build_id.empty() || index >= slices_.size() || slices_[index].empty()) return true;
  if (slices_[index].left_out > 0) return true;  // not whole: it proves nothing
  std::vector<std::uint64_t> offsets;
  for (const std::uint32_t frame : frames) offsets.push_back(stacks_.frames()[frame].offset);
  const ModuleSlice here = symbol_slice(image, offsets);
  return here.functions == slices_[index].functions && here.nameless == slices_[index].nameless;
}

void Batch::name_from_file(const ElfImage& image, const std::vector<Wanted>& wanted, ModuleNaming& naming) {
  DebugFile debug(image, search_);
  // Each source is named that gave any frame its name.
  const auto credit = [&](const std::string& source) {
    std::size_t named = 0;
    for (const Wanted& w : wanted) named += has_name(names_[w.frame]);
    if (named > naming.named) naming.source += (naming.source.empty() ? "" : " and ") + source;
    naming.named = named;
  };
  if (debug.dwarf()) name_from_dwarf(debug, image, wanted, naming);
  credit("DWARF");
  name_from_go(image, wanted);
  credit("pclntab");
  name_from_symbols(debug, image, wanted);
  credit(debug.symbol_source());
  if (naming.source.empty()) naming.source = debug.symbol_source();
  if (naming.source.empty())
    naming.problem = "neither DWARF nor symbols";
  else if (naming.source == "dynsym" && naming.problem.empty() && naming.named < naming.frames)
    naming.problem = kStripped;
}

// What Go's runtime needs itself is there in stripped programs too: functions, inlined ones, and lines.
void Batch::name_from_go(const ElfImage& image, const std::vector<Wanted>& wanted) {
  std::string problem;
  const auto table = GoPclntab::of(image, &problem);
  if (!table) return;
  const GoPlaces places(image, *table);
  for (const Wanted& w : wanted) {
    auto& frames = names_[w.frame];
    if (has_name(frames)) continue;
    frames.clear();
    for (const GoPlace& place : places.at(w.vaddr))
      frames.push_back({std::string(place.function), std::string(place.file), static_cast<int>(place.line)});
  }
}

// What the dump noted of the file's symbols, for frames that have no name yet.
void Batch::name_from_slice(std::uint32_t index, const std::vector<std::uint32_t>& frames, ModuleNaming& naming) {
  if (index >= slices_.size() || (slices_[index].empty() && slices_[index].left_out == 0)) return;
  const ModuleSlice& slice = slices_[index];
  const Module& module = stacks_.modules()[index];
  std::vector<ElfSymbol> all;
  for (const auto& f : slice.functions) all.push_back({f.offset, f.size, f.name, 0});
  for (const auto& f : slice.nameless) all.push_back({f.offset, f.size, start_name(module, f.vaddr), kNameless});
  const ElfSymbols symbols(std::move(all));
  std::size_t named = 0;
  for (const std::uint32_t frame : frames) {
    const ElfSymbol* symbol = symbols.find(stacks_.frames()[frame].offset);
    if (!symbol || has_name(names_[frame])) continue;
    if (names_[frame].empty()) names_[frame].emplace_back();
    names_[frame].back().function = symbol->rank == kNameless ? symbol->name : demangle(symbol->name);
    named += symbol->rank != kNameless;
  }
  if (named > 0) naming.source += (naming.source.empty() ? "recorded " : " and recorded ") + slice.source;
  naming.named += named;
  if (named > 0 && naming.named == naming.frames) naming.problem.clear();
  else if (slice.left_out > 0) naming.problem = fmt::format("{} functions found no room in the bundle, and here: {}", slice.left_out, naming.problem);
  else if (slice.source == "dynsym") naming.problem = kStripped;
}

void Batch::name_from_dwarf(DebugFile& debug, const ElfImage& image, const std::vector<Wanted>& wanted,
                            ModuleNaming& naming) {
  const auto header = EhFrameHeader::of(image);
  // Of the part of `wanted` from `first` on; its frames are nobody else's.
  const auto name_part = [&](DebugFile& file, std::size_t first, std::size_t end) {
    const std::span<const Wanted> part = std::span(wanted).subspan(first, end - first);
    std::vector<std::uint64_t> addresses;
    for (const Wanted& w : part) addresses.push_back(file.dwarf_address(w.vaddr));
    const auto in_function = [&](std::size_t i) { return !header || header->function_at(part[i].vaddr); };
    std::vector<std::string> missing;
    auto found = dwarf_names(file.dwarf(), addresses, in_function, &missing, file.dwarf_directory());
    for (std::size_t i = 0; i < part.size(); ++i) names_[part[i].frame] = std::move(found[i]);
    return missing;
  };
  // Neighbours share their units: where there are many, the upper half is another thread's. A handle of libdw's is one thread's; it has its own.
  const std::size_t half = wanted.size() >= kWorthAThread ? wanted.size() / 2 : wanted.size();
  std::future<std::vector<std::string>> upper;
  if (half < wanted.size())
    upper = std::async(std::launch::async, [&] {
      DebugFile other(image, search_);
      return other.dwarf() ? name_part(other, half, wanted.size()) : std::vector<std::string>{};
    });
  std::vector<std::string> missing = name_part(debug, 0, half);
  if (upper.valid())
    for (std::string& file : upper.get())
      if (std::find(missing.begin(), missing.end(), file) == missing.end()) missing.push_back(std::move(file));
  if (!missing.empty() && naming.problem.empty())
    naming.problem = fmt::format("inlined functions are unknown: split DWARF, {} of its files not here, {}",
                                 missing.size(), missing.front());
}

void Batch::name_from_symbols(DebugFile& debug, const ElfImage& image, const std::vector<Wanted>& wanted) {
  std::vector<ElfSymbol> all = debug.symbols();
  for (ElfSymbol& stub : plt_symbols(image)) all.push_back(std::move(stub));
  const ElfSymbols symbols(std::move(all));
  for (const Wanted& w : wanted) {
    auto& frames = names_[w.frame];
    if (has_name(frames) && !is_bare(frames.back().function)) continue;
    const ElfSymbol* symbol = symbols.find(w.vaddr);
    if (!symbol) continue;
    if (!has_name(frames)) {
      if (frames.empty()) frames.emplace_back();
      frames.back().function = demangle(symbol->name);
    } else if (std::string name = demangle(symbol->name); name != symbol->name) {
      // DWARF has no linkage name for a function with internal linkage ("hidden"); its symbol has
      // ("shop::hidden(int)").
      frames.back().function = name.substr(0, name.find(" [clone "));
    }
  }
}

// What has no name still is one function: its unwind entry knows where it begins, so that its frames stay together.
void Batch::name_by_function_start(const ElfImage& image, const Module& module, const std::vector<Wanted>& wanted) {
  const auto header = EhFrameHeader::of(image);
  for (const Wanted& w : wanted) {
    auto& frames = names_[w.frame];
    if (has_name(frames)) continue;
    const auto function = header ? header->function_at(w.vaddr) : std::nullopt;
    if (!function) continue;
    if (frames.empty()) frames.emplace_back();
    frames.back().function = start_name(module, function->start);
  }
  for (const Wanted& w : wanted) {
    auto& frames = names_[w.frame];
    if (has_name(frames)) continue;
    if (frames.empty() || frames.back().file.empty())
      frames.clear();
    else  // a line without a function: assembler, padding
      frames.back().function = stacks_.frame_label(w.frame);
  }
}

}  // namespace

Symbols symbolize(const StackTable& stacks, const ModuleSearch& search, const std::vector<ModuleSlice>& slices) {
  return Batch(stacks, search, slices).run(true);
}

FrameNames recorded_names(const StackTable& stacks, const std::vector<ModuleSlice>& slices) {
  const ModuleSearch nowhere;
  return Batch(stacks, nowhere, slices).run(false).names;
}

}  // namespace fdr
