#include "unwind/symbolizer.hpp"

#include <fmt/format.h>
#include <sys/auxv.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <utility>

#include "unwind/address_space.hpp"
#include "unwind/debug_file.hpp"
#include "unwind/demangle.hpp"
#include "unwind/dwarf_names.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/plt_symbols.hpp"

namespace fdr {

namespace {

// One frame of a module that waits for its name.
struct Wanted {
  std::uint64_t vaddr = 0;
  std::uint32_t frame = 0;
};

// The vDSO that this process was given: the one of the recording, where the kernel is the same.
std::unique_ptr<ElfImage> own_vdso() {
  std::ostringstream maps;
  maps << std::ifstream("/proc/self/maps").rdbuf();
  const std::uint64_t start = ::getauxval(AT_SYSINFO_EHDR);
  for (const Mapping& mapping : parse_maps(maps.str())) {
    if (mapping.module.kind != ModuleKind::kVdso || mapping.start != start) continue;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(mapping.start);
    std::string problem;
    return ElfImage::from_memory({bytes, bytes + (mapping.end - mapping.start)}, &problem);
  }
  return nullptr;
}

bool has_name(const std::vector<SourceFrame>& frames) { return !frames.empty() && !frames.back().function.empty(); }

// Without scope or parameters: a C function, or a C++ one that DWARF gives no more of.
bool is_bare(const std::string& function) {
  return function.find("::") == std::string::npos &&
         (function.find('(') == std::string::npos || function == "operator()");
}

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

class Batch {
 public:
  Batch(const StackTable& stacks, const ModuleSearch& search) : stacks_(stacks), search_(search), files_(search) {}
  Symbols run();

 private:
  void name_module(std::uint32_t module, const std::vector<std::uint32_t>& frames, ModuleNaming& naming);
  void name_from_dwarf(DebugFile& debug, std::vector<Wanted>& wanted);
  void name_from_symbols(DebugFile& debug, const ElfImage& image, const std::vector<Wanted>& wanted);
  void name_by_function_start(const ElfImage& image, const Module& module, const std::vector<Wanted>& wanted);

  const StackTable& stacks_;
  const ModuleSearch& search_;
  ModuleFiles files_;
  FrameNames names_;
};

Symbols Batch::run() {
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
      names_[i] = {{frames[i].name, "", 0}};
      ++naming.named;
      naming.source = stacks_.modules()[frames[i].module].kind == ModuleKind::kKernel ? "kallsyms" : "recording";
    }
  }
  for (ModuleNaming& naming : symbols.modules) {
    if (unnamed[naming.module].empty()) continue;
    try {
      name_module(naming.module, unnamed[naming.module], naming);
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
    naming.problem = "code without a file (JIT?)";
    return;
  }
  // Another kernel's vDSO has other code at the same place: only a proven one will do.
  if (module.kind == ModuleKind::kVdso && !module.build_id.empty()) files_.add_image(module, own_vdso());
  const ElfImage* image = files_.find(module);
  if (!image) {
    naming.problem = module.kind == ModuleKind::kVdso ? "the vDSO of another kernel" : files_.reason(module);
    return;
  }

  std::vector<Wanted> wanted;
  for (const std::uint32_t frame : frames)
    if (const auto vaddr = image->vaddr_of_offset(stacks_.frames()[frame].offset)) wanted.push_back({*vaddr, frame});
  if (wanted.size() < frames.size())
    naming.problem = fmt::format("{} addresses lie outside the file", frames.size() - wanted.size());
  std::sort(wanted.begin(), wanted.end(), [](const Wanted& a, const Wanted& b) { return a.vaddr < b.vaddr; });

  DebugFile debug(*image, search_);
  const bool has_dwarf = debug.dwarf() != nullptr;
  if (has_dwarf) name_from_dwarf(debug, wanted);
  name_from_symbols(debug, *image, wanted);
  for (const Wanted& w : wanted) naming.named += has_name(names_[w.frame]);
  naming.source = has_dwarf ? "DWARF" : debug.symbol_source();
  if (naming.source.empty())
    naming.problem = "neither DWARF nor symbols";
  else if (naming.source == "dynsym" && naming.problem.empty() && naming.named < naming.frames)
    naming.problem = "stripped: exported names only; install its debug package or give --debug-dir";
  name_by_function_start(*image, module, wanted);
}

void Batch::name_from_dwarf(DebugFile& debug, std::vector<Wanted>& wanted) {
  std::vector<std::uint64_t> addresses;
  for (const Wanted& w : wanted) addresses.push_back(debug.dwarf_address(w.vaddr));
  auto found = dwarf_names(debug.dwarf(), addresses);
  for (std::size_t i = 0; i < wanted.size(); ++i) names_[wanted[i].frame] = std::move(found[i]);
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
    frames.back().function = fmt::format("{}!fn@{:x}", file_name(module.path), function->start);
  }
  for (const Wanted& w : wanted)
    if (!has_name(names_[w.frame])) names_[w.frame].clear();
}

}  // namespace

Symbols symbolize(const StackTable& stacks, const ModuleSearch& search) {
  // libdwfl would ask the network for each file, up to 90 s each.
  if (!search.debuginfod) ::unsetenv("DEBUGINFOD_URLS");
  return Batch(stacks, search).run();
}

}  // namespace fdr
