#include "unwind/dwarf_names.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "unwind/demangle.hpp"

namespace fdr {

namespace {

constexpr int kMaxDepth = 200;
constexpr int kMaxRanges = 1'000'000;
constexpr std::uint64_t kMaxEntries = 200'000'000;  // DIEs in one file

// Indices into the sorted addresses, ascending.
using Subset = std::vector<std::uint32_t>;

struct Unit {
  Dwarf_Die root;  // holds the ranges and the lines
  Dwarf_Die tree;  // holds the functions: another one in split DWARF
  Subset wanted;
  bool has_ranges = false;
};

class Batch {
 public:
  Batch(Dwarf* dwarf, std::span<const std::uint64_t> addresses)
      : dwarf_(dwarf), addresses_(addresses), chains_(addresses.size()), names_(addresses.size()) {}

  std::vector<std::vector<SourceFrame>> run() {
    for (Unit& unit : units_with_addresses()) resolve(unit);
    return std::move(names_);
  }

 private:
  std::vector<Unit> units_with_addresses();
  void resolve(Unit& unit);

  // Calls `visit(die, tag)` for each child; false where the budget is used up.
  template <class Visit>
  bool each_child(Dwarf_Die& parent, Visit visit);
  void find_functions(Dwarf_Die& parent, const Subset& wanted, bool deep, int depth);
  void descend(Dwarf_Die& parent, const Subset& inside, int depth);
  Subset inside(Dwarf_Die& die, const Subset& wanted) const;

  std::vector<SourceFrame> frames_of(Unit& unit, std::uint32_t index);
  std::string name_of(Dwarf_Die& die);

  Dwarf* dwarf_;
  std::span<const std::uint64_t> addresses_;
  std::vector<std::vector<Dwarf_Die>> chains_;  // for each address: function, then inlined ones, outermost first
  std::vector<std::vector<SourceFrame>> names_;
  std::unordered_map<const char*, std::string> demangled_;  // by place in the string section: each is demangled once
  std::uint64_t budget_ = kMaxEntries;
};

std::vector<Unit> Batch::units_with_addresses() {
  std::vector<Unit> units;
  std::vector<bool> taken(addresses_.size());
  Dwarf_CU* previous = nullptr;
  Dwarf_CU* cu = nullptr;
  Dwarf_Die root, split;
  std::uint8_t type = 0;
  while (dwarf_get_units(dwarf_, previous, &cu, nullptr, &type, &root, &split) == 0) {
    previous = cu;
    if (type == DW_UT_type || type == DW_UT_split_type || type == DW_UT_partial) continue;
    Unit unit{root, type == DW_UT_skeleton && split.addr ? split : root, {}, false};
    Dwarf_Addr base = 0, begin = 0, end = 0;
    std::ptrdiff_t next = 0;
    for (int i = 0; i < kMaxRanges && (next = dwarf_ranges(&unit.root, next, &base, &begin, &end)) > 0; ++i) {
      if (begin >= end) continue;
      unit.has_ranges = true;
      auto at = std::lower_bound(addresses_.begin(), addresses_.end(), begin);
      for (; at != addresses_.end() && *at < end; ++at) {
        const auto index = static_cast<std::uint32_t>(at - addresses_.begin());
        if (taken[index]) continue;
        taken[index] = true;
        unit.wanted.push_back(index);
      }
    }
    if (unit.wanted.empty() && unit.has_ranges) continue;
    std::sort(unit.wanted.begin(), unit.wanted.end());
    units.push_back(std::move(unit));
  }
  // A unit that does not say what it covers may cover what nobody else does.
  Subset left;
  for (std::uint32_t i = 0; i < addresses_.size(); ++i)
    if (!taken[i]) left.push_back(i);
  for (Unit& unit : units)
    if (!unit.has_ranges) unit.wanted = left;
  return units;
}

Subset Batch::inside(Dwarf_Die& die, const Subset& wanted) const {
  Subset found;
  Dwarf_Addr base = 0, begin = 0, end = 0;
  std::ptrdiff_t next = 0;
  for (int i = 0; i < kMaxRanges && (next = dwarf_ranges(&die, next, &base, &begin, &end)) > 0; ++i) {
    auto at = std::lower_bound(wanted.begin(), wanted.end(), begin,
                               [this](std::uint32_t index, Dwarf_Addr address) { return addresses_[index] < address; });
    for (; at != wanted.end() && addresses_[*at] < end; ++at) found.push_back(*at);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

template <class Visit>
bool Batch::each_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return true;
  do {
    // A damaged sibling reference may point backwards: the budget ends that.
    if (budget_ == 0) return false;
    --budget_;
    visit(child, dwarf_tag(&child));
  } while (dwarf_siblingof(&child, &child) == 0);
  return true;
}

// Functions stand at the top of a unit or in namespaces; with `deep`, anywhere (methods in types, lambdas in
// functions).
void Batch::find_functions(Dwarf_Die& parent, const Subset& wanted, bool deep, int depth) {
  if (depth > kMaxDepth) return;
  each_child(parent, [&](Dwarf_Die& child, int tag) {
    if (tag == DW_TAG_subprogram) {
      const Subset hits = inside(child, wanted);
      for (const std::uint32_t index : hits) chains_[index].assign(1, child);
      if (!hits.empty()) descend(child, hits, depth + 1);
    }
    if (deep || tag == DW_TAG_namespace || tag == DW_TAG_module) find_functions(child, wanted, deep, depth + 1);
  });
}

void Batch::descend(Dwarf_Die& parent, const Subset& wanted, int depth) {
  if (depth > kMaxDepth) return;
  each_child(parent, [&](Dwarf_Die& child, int tag) {
    const bool inlined = tag == DW_TAG_inlined_subroutine;
    if (!inlined && tag != DW_TAG_lexical_block && tag != DW_TAG_try_block && tag != DW_TAG_catch_block) return;
    const Subset hits = inside(child, wanted);
    if (hits.empty()) return;
    if (inlined)
      for (const std::uint32_t index : hits) chains_[index].push_back(child);
    descend(child, hits, depth + 1);
  });
}

void Batch::resolve(Unit& unit) {
  const auto unresolved = [&] {
    Subset left;
    for (const std::uint32_t index : unit.wanted)
      if (chains_[index].empty()) left.push_back(index);
    return left;
  };
  find_functions(unit.tree, unresolved(), false, 0);
  if (const Subset left = unresolved(); !left.empty()) find_functions(unit.tree, left, true, 0);
  for (const std::uint32_t index : unit.wanted)
    if (names_[index].empty()) names_[index] = frames_of(unit, index);
}

std::optional<std::uint64_t> number(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (!dwarf_attr(&die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0) return std::nullopt;
  return value;
}

int line_number(std::uint64_t value) { return value <= INT32_MAX ? static_cast<int>(value) : 0; }

std::vector<SourceFrame> Batch::frames_of(Unit& unit, std::uint32_t index) {
  SourceFrame place;  // file and line of the frame that is being made
  Dwarf_Line* line = dwarf_getsrc_die(&unit.root, addresses_[index]);
  if (line) {
    const char* file = dwarf_linesrc(line, nullptr, nullptr);
    int value = 0;
    if (file) place.file = file;
    if (dwarf_lineno(line, &value) == 0 && value > 0) place.line = value;
  }
  std::vector<Dwarf_Die>& chain = chains_[index];
  if (chain.empty()) return line ? std::vector<SourceFrame>{place} : std::vector<SourceFrame>{};

  Dwarf_Files* files = nullptr;
  std::size_t file_count = 0;
  if (dwarf_getsrcfiles(&unit.tree, &files, &file_count) != 0) files = nullptr;
  std::vector<SourceFrame> frames;
  for (auto die = chain.rbegin(); die != chain.rend(); ++die) {
    place.function = name_of(*die);
    frames.push_back(place);
    // The next one out stands where it called this one.
    const auto call_file = number(*die, DW_AT_call_file), call_line = number(*die, DW_AT_call_line);
    const char* file =
        files && call_file && *call_file < file_count ? dwarf_filesrc(files, *call_file, nullptr, nullptr) : nullptr;
    place.file = file ? file : "";
    place.line = line_number(call_line.value_or(0));
  }
  return frames;
}

std::string Batch::name_of(Dwarf_Die& die) {
  for (const unsigned attribute_name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    Dwarf_Attribute attribute;
    if (!dwarf_attr_integrate(&die, attribute_name, &attribute)) continue;
    const char* text = dwarf_formstring(&attribute);
    if (!text || !*text) continue;
    const auto [entry, fresh] = demangled_.try_emplace(text);
    if (fresh) entry->second = attribute_name == DW_AT_name ? text : demangle(text);
    return entry->second;
  }
  return {};
}

}  // namespace

std::vector<std::vector<SourceFrame>> dwarf_names(Dwarf* dwarf, std::span<const std::uint64_t> addresses) {
  return Batch(dwarf, addresses).run();
}

}  // namespace fdr
