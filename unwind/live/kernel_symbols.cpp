#include "unwind/live/kernel_symbols.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>

namespace fdr {

namespace {

// kallsyms has no sizes: behind the last symbol of a region the next one may be far away. No kernel function is this
// long.
constexpr std::uint64_t kMaxFunctionSize = 256u << 10;
constexpr std::size_t kMaxText = 256u << 20;

struct Line {
  std::uint64_t address = 0;
  char type = 0;
  std::string_view name, module;
};

// "ffffffff81000000 T name\t[module]"
std::optional<Line> parse_line(std::string_view line) {
  Line parsed;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), parsed.address, 16);
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (error != std::errc() || line.size() < 4 || line[0] != ' ' || line[2] != ' ') return std::nullopt;
  parsed.type = line[1];
  line.remove_prefix(3);
  const std::size_t tab = std::min(line.find('\t'), line.size());
  parsed.name = line.substr(0, tab);
  parsed.module = line.substr(std::min(tab + 1, line.size()));
  return parsed;
}

bool is_text(char type) { return type == 't' || type == 'T' || type == 'w' || type == 'W'; }

}  // namespace

KernelSymbols KernelSymbols::load(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  std::string text;
  std::array<char, 1 << 16> chunk;
  for (std::size_t got;
       file && text.size() < kMaxText && (got = std::fread(chunk.data(), 1, chunk.size(), file.get())) > 0;)
    text.append(chunk.data(), got);
  return parse(text);
}

KernelSymbols KernelSymbols::parse(std::string_view text) {
  KernelSymbols symbols;
  bool any = false, all_zero = true;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const auto line = parse_line(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line || !is_text(line->type)) continue;
    any = true;
    if (line->address == 0) continue;
    all_zero = false;
    const auto name = static_cast<std::uint32_t>(symbols.names_.size());
    symbols.names_ += line->name;
    if (!line->module.empty()) symbols.names_.append(" ").append(line->module);
    symbols.symbols_.push_back({line->address, name, static_cast<std::uint32_t>(symbols.names_.size() - name)});
  }
  symbols.hidden_ = any && all_zero;
  std::stable_sort(symbols.symbols_.begin(), symbols.symbols_.end(),
                   [](const Symbol& a, const Symbol& b) { return a.address < b.address; });
  return symbols;
}

std::string KernelSymbols::name(std::uint64_t address) const {
  auto symbol = std::upper_bound(symbols_.begin(), symbols_.end(), address,
                                 [](std::uint64_t wanted, const Symbol& s) { return wanted < s.address; });
  if (symbol == symbols_.begin()) return {};
  --symbol;
  if (address - symbol->address >= kMaxFunctionSize) return {};
  // Of several names for one address the first is taken: the same one whatever address of the function was met.
  while (symbol != symbols_.begin() && (symbol - 1)->address == symbol->address) --symbol;
  return names_.substr(symbol->name, symbol->length);
}

}  // namespace fdr
