#include "formats/html/name_table.hpp"

#include "formats/report/table.hpp"

namespace fdr {

// Room for a C++ template with its arguments, not for a megabyte of them.
constexpr std::size_t kMaxName = 240;

std::uint32_t NameTable::number(const std::string& name, NameKind kind) {
  const auto [entry, fresh] = numbers_.try_emplace({cut(name, kMaxName), kind}, static_cast<std::uint32_t>(numbers_.size()));
  if (fresh) {
    text_.push_back(entry->first.first);
    kinds_.push_back(static_cast<int>(kind));
  }
  return entry->second;
}

Json NameTable::json() const { return {{"text", text_}, {"kind", kinds_}}; }

}  // namespace fdr
