#include "formats/pack/rescan.hpp"

#include <algorithm>
#include <cstring>

#include "formats/perfetto_packets.hpp"
#include "formats/perfetto_reader.hpp"

namespace fdr {
namespace {

constexpr std::size_t kHashes = 1u << 16;

std::uint32_t start_of(const char* bytes) {
  std::uint32_t start = 0;
  std::memcpy(&start, bytes, sizeof start);
  return start;
}

std::size_t hash_of(std::uint32_t start) { return (start * 2654435761u) >> 16; }

}  // namespace

bool Rescan::is_telling(std::string_view name) {
  return !std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == ' ' || c == '-'; });
}

Rescan::Rescan(const Pseudonyms& names, const std::vector<std::string>& vocabulary) : starts_(kHashes) {
  std::string open;  // everything that may be met
  for (const std::string& text : vocabulary) open += text + '\n';
  for (const std::string& text : names.kept()) open += text + '\n';
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals) open += pseudonym + '\n';
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals) {
      if (original.size() < kShortest || open.find(original) != std::string::npos) {
        ++not_searched_;
        continue;
      }
      ++searched_;
      const std::uint32_t start = start_of(original.data());
      by_start_[start].push_back({original, name, is_telling(original)});
      starts_[hash_of(start)] = true;
    }
}

std::string Rescan::leak_in(std::string_view bytes, bool telling) const {
  for (std::size_t at = 0; at + 4 <= bytes.size(); ++at) {
    const std::uint32_t start = start_of(bytes.data() + at);
    if (!starts_[hash_of(start)]) continue;
    const auto found = by_start_.find(start);
    if (found == by_start_.end()) continue;
    for (const Original& original : found->second)
      if ((original.telling || !telling) && bytes.substr(at).starts_with(original.text)) return name_class(original.name);
  }
  return {};
}

std::string inflated_trace(std::string_view trace) {
  std::string all;
  perfetto::for_each_packet(trace, ReadLimits{}, [&](std::string_view packet) { all.append(packet); });
  return all;
}

}  // namespace fdr
