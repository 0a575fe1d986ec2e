#include "unwind/address_space.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace fdr {

namespace {

bool overlap(const Mapping& a, const Mapping& b) { return a.start < b.end && b.start < a.end; }

bool same_place(const Mapping& a, const Mapping& b) {
  return a.start == b.start && a.end == b.end && a.file_offset == b.file_offset && a.module.kind == b.module.kind &&
         a.module.path == b.module.path;
}

}  // namespace

void AddressSpace::add(Mapping mapping) {
  if (mapping.start >= mapping.end) return;

  const auto last = std::upper_bound(mappings_.begin(), mappings_.end(), mapping.start,
                                     [](std::uint64_t start, const Mapping& m) { return start < m.start; });
  for (auto known = last; known != mappings_.begin() && std::prev(known)->start == mapping.start;) {
    --known;
    if (!same_place(*known, mapping)) continue;
    const bool compatible = known->module.build_id.empty() || mapping.module.build_id.empty() ||
                            known->module.build_id == mapping.module.build_id;
    const bool visible = find(mapping.start, std::max(known->since, mapping.since)) == &*known;
    if (!compatible || !visible) break;
    if (known->module.build_id.empty()) known->module.build_id = std::move(mapping.module.build_id);
    if (!known->device) known->device = mapping.device;
    return;
  }

  if (mappings_.size() >= kMaxMappings) {
    ++refused_;
    return;
  }
  const bool replaces =
      std::any_of(mappings_.begin(), mappings_.end(), [&](const Mapping& m) { return overlap(m, mapping); });
  if (replaces) {
    replaced_at_.insert(std::upper_bound(replaced_at_.begin(), replaced_at_.end(), mapping.since), mapping.since);
  }
  const auto place = std::upper_bound(
      mappings_.begin(), mappings_.end(), mapping,
      [](const Mapping& a, const Mapping& b) { return std::pair(a.start, a.since) < std::pair(b.start, b.since); });
  auto index = static_cast<std::size_t>(place - mappings_.begin());
  mappings_.insert(place, std::move(mapping));
  reach_.resize(mappings_.size());
  for (; index < mappings_.size(); ++index)
    reach_[index] = std::max(index ? reach_[index - 1] : 0, mappings_[index].end);
}

const Mapping* AddressSpace::find(std::uint64_t address, Timestamp time) const {
  auto index = static_cast<std::size_t>(
      std::upper_bound(mappings_.begin(), mappings_.end(), address,
                       [](std::uint64_t wanted, const Mapping& m) { return wanted < m.start; }) -
      mappings_.begin());
  const Mapping* found = nullptr;
  while (index > 0 && reach_[index - 1] > address) {
    const Mapping& mapping = mappings_[--index];
    if (address < mapping.end && mapping.since <= time && (!found || mapping.since > found->since)) found = &mapping;
  }
  return found;
}

std::vector<AddressSpace::Stretch> AddressSpace::stretches(Timestamp time) const {
  // Newer mappings hide parts of older ones: what holds is asked for each piece between two borders.
  std::vector<std::uint64_t> borders;
  for (const Mapping& mapping : mappings_) {
    borders.push_back(mapping.start);
    borders.push_back(mapping.end);
  }
  std::sort(borders.begin(), borders.end());
  borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
  std::vector<Stretch> stretches;
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    const Mapping* mapping = find(borders[i], time);
    if (!mapping) continue;
    if (!stretches.empty() && stretches.back().mapping == mapping && stretches.back().end == borders[i]) stretches.back().end = borders[i + 1];
    else stretches.push_back({borders[i], borders[i + 1], mapping});
  }
  return stretches;
}

std::uint64_t AddressSpace::epoch(Timestamp time) const {
  // Those after `time` count as well, in the upper half, so that a mapping added late with an early time is noticed.
  const auto past = std::upper_bound(replaced_at_.begin(), replaced_at_.end(), time) - replaced_at_.begin();
  return (static_cast<std::uint64_t>(replaced_at_.size()) << 32) | static_cast<std::uint64_t>(past);
}

namespace {

// Takes the next blank-separated word off `line`.
std::string_view next_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  const std::size_t end = std::min(line.find(' ', begin), line.size());
  const std::string_view word = line.substr(begin, end - begin);
  line.remove_prefix(end);
  return word;
}

bool parse_hex(std::string_view text, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

// "fd:01"; 0 for what is none.
std::uint64_t parse_device(std::string_view text) {
  const std::size_t colon = std::min(text.find(':'), text.size());
  std::uint64_t major = 0, minor = 0;
  return parse_hex(text.substr(0, colon), major) && parse_hex(text.substr(std::min(colon + 1, text.size())), minor) ? major << 32 | (minor & 0xffffffff) : 0;
}

// The kernel writes a newline within a path as \012 and leaves all else alone.
std::string unescape(std::string_view path) {
  std::string text(path);
  for (std::size_t at = 0; (at = text.find("\\012", at)) != std::string::npos; ++at) text.replace(at, 4, "\n");
  return text;
}

Module module_of(std::string_view path, bool& deleted) {
  if (path == "[vdso]") return {ModuleKind::kVdso, "[vdso]", ""};
  if (path == "[vsyscall]") return {ModuleKind::kAnonymous, "[vsyscall]", ""};
  constexpr std::string_view kDeleted = " (deleted)";
  if (path.ends_with(kDeleted)) {
    deleted = true;
    path.remove_suffix(kDeleted.size());
  }
  // Shared anonymous memory shows as a file, but there is none to open.
  const bool file =
      path.starts_with('/') && path != "/dev/zero" && !path.starts_with("/SYSV") && !path.starts_with("//");
  if (!file) return {ModuleKind::kAnonymous, "[anon]", ""};
  return {ModuleKind::kFile, unescape(path), ""};
}

bool parse_line(std::string_view line, Mapping& mapping) {
  const std::string_view range = next_word(line), permissions = next_word(line), offset = next_word(line), device = next_word(line);
  next_word(line);  // inode
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos || permissions.size() < 3 || permissions[2] != 'x') return false;
  if (!parse_hex(range.substr(0, dash), mapping.start) || !parse_hex(range.substr(dash + 1), mapping.end) ||
      !parse_hex(offset, mapping.file_offset) || mapping.start >= mapping.end)
    return false;
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  mapping.module = module_of(line, mapping.deleted);
  mapping.device = parse_device(device);
  if (mapping.module.kind == ModuleKind::kAnonymous)
    mapping.file_offset = mapping.start;  // a frame in it is its address
  return true;
}

}  // namespace

std::vector<Mapping> parse_maps(std::string_view text) {
  std::vector<Mapping> mappings;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    Mapping mapping;
    if (parse_line(text.substr(0, end), mapping)) mappings.push_back(std::move(mapping));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return mappings;
}

}  // namespace fdr
