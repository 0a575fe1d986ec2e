#include "formats/pack/rescan.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

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

Rescan::Rescan(const Pseudonyms& names, const std::vector<std::string>& vocabulary) {
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals)
      if (original.size() >= kShortest) originals_.push_back({original, name, is_telling(original)});
      else ++not_searched_;
  index();

  std::string open;  // everything that may be met
  for (const std::string& text : vocabulary) open += text + '\n';
  for (const std::string& text : names.kept()) open += text + '\n';
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals) open += pseudonym + '\n';
  std::vector<bool> met(originals_.size());
  for (std::size_t at = 0; at < open.size(); ++at)
    for (std::size_t i = longest_at(std::string_view(open).substr(at)); i != kNone && !met[i]; i = originals_[i].within) met[i] = true;
  std::vector<Original> wanted;
  for (std::size_t i = 0; i < originals_.size(); ++i)
    if (!met[i]) wanted.push_back(std::move(originals_[i]));
  not_searched_ += originals_.size() - wanted.size();
  originals_ = std::move(wanted);
  searched_ = originals_.size();
  index();
}

void Rescan::index() {
  std::sort(originals_.begin(), originals_.end(), [](const Original& a, const Original& b) { return std::tie(a.text, a.name) < std::tie(b.text, b.name); });
  starts_.assign(kHashes, false);
  parts_.clear();
  std::vector<std::size_t> around;  // those that the one before begins with, and itself
  for (std::size_t i = 0; i < originals_.size(); ++i) {
    Original& original = originals_[i];
    while (!around.empty() && !original.text.starts_with(originals_[around.back()].text)) around.pop_back();
    original.within = around.empty() ? kNone : around.back();
    around.push_back(i);
    const std::uint32_t start = start_of(original.text.data());
    starts_[hash_of(start)] = true;
    parts_.try_emplace(start, i, i).first->second.second = i + 1;
  }
}

std::size_t Rescan::longest_at(std::string_view bytes) const {
  if (bytes.size() < kShortest) return kNone;
  const std::uint32_t start = start_of(bytes.data());
  if (!starts_[hash_of(start)]) return kNone;
  const auto part = parts_.find(start);
  if (part == parts_.end()) return kNone;
  // What stands between the bytes and a name that they begin with, begins with that name too.
  const auto from = originals_.begin() + static_cast<std::ptrdiff_t>(part->second.first), to = originals_.begin() + static_cast<std::ptrdiff_t>(part->second.second);
  const auto after = std::upper_bound(from, to, bytes, [](std::string_view wanted, const Original& original) { return wanted < original.text; });
  if (after == from) return kNone;
  std::size_t i = static_cast<std::size_t>(after - originals_.begin()) - 1;
  const std::string& nearest = originals_[i].text;
  const auto shared = static_cast<std::size_t>(std::mismatch(nearest.begin(), nearest.end(), bytes.begin(), bytes.end()).first - nearest.begin());
  while (i != kNone && originals_[i].text.size() > shared) i = originals_[i].within;
  return i;
}

std::string Rescan::leak_in(std::string_view bytes, bool telling) const {
  for (std::size_t at = 0; at + kShortest <= bytes.size(); ++at) {
    const Original* leak = nullptr;  // of several the class that comes first
    for (std::size_t i = longest_at(bytes.substr(at)); i != kNone; i = originals_[i].within) {
      const Original& original = originals_[i];
      if ((original.telling || !telling) && (!leak || original.name <= leak->name)) leak = &original;
    }
    if (leak) return name_class(leak->name);
  }
  return {};
}

std::string inflated_trace(std::string_view trace) {
  std::string all;
  perfetto::for_each_packet(trace, ReadLimits{}, [&](std::string_view packet) { all.append(packet); });
  return all;
}

}  // namespace fdr
