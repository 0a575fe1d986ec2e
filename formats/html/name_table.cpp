#include "formats/html/name_table.hpp"

#include "formats/html/embedded_size.hpp"
#include "formats/table.hpp"

namespace fdr {

namespace {

// Room for a C++ template with its arguments, not for a megabyte of them.
constexpr std::size_t kMaxName = 240, kMaxNameWhenMany = 24, kMany = 1'000'000;

}  // namespace

std::uint32_t NameTable::number(const std::string& name, NameKind kind) {
  Name key{cut(name, bytes_ < kMany ? kMaxName : kMaxNameWhenMany), kind};
  const auto [entry, fresh] = numbers_.try_emplace(std::move(key), static_cast<std::uint32_t>(numbers_.size()));
  if (fresh) {
    names_.push_back(&entry->first);
    bytes_ += embedded_size(entry->first.first);
  }
  return entry->second;
}

Json NameTable::json() const {
  Json text = Json::array(), kinds = Json::array();
  for (const Name* name : names_) {
    text.push_back(name->first);
    kinds.push_back(static_cast<int>(name->second));
  }
  return {{"text", std::move(text)}, {"kind", std::move(kinds)}};
}

}  // namespace fdr
