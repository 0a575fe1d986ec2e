// Names the addresses of one file as reading commands name those of a recording, and prints the chains as
// `llvm-symbolizer --output-style=GNU --addresses` does: for e2e.symbol_chains and scripts/bench --symbols, which
// compare the two and their time.
//
//   symbol_chains FILE < ADDRESSES     one hexadecimal address of the file (vaddr) a line
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "unwind/symbolizer.hpp"

int main(int count, char** arguments) {
  if (count != 2) {
    std::fprintf(stderr, "usage: symbol_chains FILE < ADDRESSES\n");
    return 2;
  }
  std::string problem;
  const auto image = fdr::ElfImage::open(arguments[1], &problem);
  if (!image) {
    std::fprintf(stderr, "symbol_chains: %s: %s\n", arguments[1], problem.c_str());
    return 1;
  }
  fdr::StackTable stacks;
  const std::uint32_t module = stacks.intern_module({fdr::ModuleKind::kFile, arguments[1], image->build_id()});
  struct Asked {
    std::uint64_t vaddr;
    std::uint32_t frame;
  };
  std::vector<Asked> asked;
  for (char line[64]; std::fgets(line, sizeof(line), stdin);) {
    const std::uint64_t vaddr = std::strtoull(line, nullptr, 16);
    // An address outside the file's bytes becomes an offset that has no vaddr.
    asked.push_back({vaddr, stacks.intern_frame(module, image->offset_of_vaddr(vaddr).value_or(UINT64_MAX))});
  }

  const fdr::Symbols symbols = fdr::symbolize(stacks);
  const auto or_unknown = [](const std::string& text) { return text.empty() ? "??" : text.c_str(); };
  for (const Asked& one : asked) {
    std::printf("0x%lx\n", one.vaddr);
    const auto& frames = symbols.names[one.frame];
    if (frames.empty()) std::printf("??\n??:0\n");
    for (const fdr::SourceFrame& frame : frames)
      std::printf("%s\n%s:%d\n", or_unknown(frame.function), or_unknown(frame.file), frame.line);
  }
  const fdr::ModuleNaming& naming = symbols.modules.at(module);
  std::fprintf(stderr, "source %s, named %zu of %zu, problem: %s\n", naming.source.c_str(), naming.named, naming.frames,
               naming.problem.c_str());
}
