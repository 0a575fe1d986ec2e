#include "unwind/dwarf_names.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "unwind/demangle.hpp"
#include "unwind/plain_file.hpp"

namespace fdr {

namespace {

constexpr int kMaxDepth = 200;
constexpr std::uint32_t kNone = UINT32_MAX;
// A sound file is read a few times over, level by level; a damaged one may lead to the same entries again and again.
constexpr std::int64_t kTimesRead = 64, kLeastBudget = 10'000'000;
constexpr std::int64_t kRangeBytes = 16, kHitBytes = 8;  // what a range, and an address in it, take of it

// Indices into the sorted addresses, ascending.
using Subset = std::vector<std::uint32_t>;
using SubsetView = std::span<const std::uint32_t>;

struct Unit {
  Dwarf_Die root;  // holds the ranges and the lines
  Dwarf_Die tree;  // holds the functions: another one in split DWARF
  Subset wanted;
  bool has_ranges = false;
};

// A function, or a call that was inlined, in which some of the addresses lie.
struct Scope {
  Dwarf_Die die;
  std::uint32_t around = kNone;  // index of the one it was inlined into
  const std::string* name = nullptr;
  const char* call_file = nullptr;  // where the one around called it
  int call_line = 0;
};

class Batch {
 public:
  Batch(Dwarf* dwarf, std::span<const std::uint64_t> addresses, const std::function<bool(std::size_t)>& in_function, const std::string& directory)
      : dwarf_(dwarf),
        directory_(directory),
        addresses_(addresses),
        in_function_(in_function),
        innermost_(addresses.size(), kNone),
        names_(addresses.size()) {}

  std::vector<std::vector<SourceFrame>> run() {
    for (Unit& unit : units_with_addresses()) resolve(unit);
    return std::move(names_);
  }
  std::vector<std::string>& missing() { return missing_; }

 private:
  std::vector<Unit> units_with_addresses();
  void resolve(Unit& unit);
  Subset without_scope(const Unit& unit) const;

  // Where the budget is used up, these end early.
  template <class Visit>
  void each_child(Dwarf_Die& parent, Visit visit);
  template <class Visit>
  void each_range(Dwarf_Die& die, Visit visit);

  void find_functions(Dwarf_Die& parent, SubsetView wanted, bool deep, int depth);
  void descend(Dwarf_Die& parent, SubsetView wanted, std::uint32_t scope, int depth);
  SubsetView inside(Dwarf_Die& die, SubsetView wanted, Subset& storage);
  std::uint32_t enter(Dwarf_Die& die, std::uint32_t around, SubsetView hits);

  void name_scopes(Unit& unit, std::size_t first);
  const std::string* name_of(Dwarf_Die& die);
  std::vector<SourceFrame> frames_of(Unit& unit, std::uint32_t index) const;

  Dwarf* dwarf_;
  const std::string& directory_;
  std::span<const std::uint64_t> addresses_;
  const std::function<bool(std::size_t)>& in_function_;
  std::vector<Scope> scopes_;
  std::vector<std::uint32_t> innermost_;  // of each address: index of a scope
  std::vector<std::vector<SourceFrame>> names_;
  std::vector<std::string> missing_;
  std::unordered_map<const char*, std::string> demangled_;  // by place in the string section: each is demangled once
  std::int64_t budget_ = kLeastBudget;                      // bytes of entries and ranges that may still be looked at
};

std::int64_t size_of(Dwarf_Die& root) {
  const Dwarf_Off start = dwarf_dieoffset(&root) - dwarf_cuoffset(&root);
  Dwarf_Off next = 0;
  std::size_t header = 0;
  if (dwarf_nextcu(dwarf_cu_getdwarf(root.cu), start, &next, &header, nullptr, nullptr, nullptr) != 0) return 0;
  return next > start ? static_cast<std::int64_t>(next - start) : 0;
}

std::optional<std::uint64_t> number(Dwarf_Die& die, unsigned name) {
  Dwarf_Attribute attribute;
  Dwarf_Word value = 0;
  if (!dwarf_attr(&die, name, &attribute) || dwarf_formudata(&attribute, &value) != 0) return std::nullopt;
  return value;
}

int line_number(std::uint64_t value) { return value <= INT32_MAX ? static_cast<int>(value) : 0; }

std::string text_of(Dwarf_Die& die, std::initializer_list<unsigned> names) {
  Dwarf_Attribute attribute;
  for (const unsigned name : names)
    if (dwarf_attr(&die, name, &attribute))
      if (const char* text = dwarf_formstring(&attribute)) return text;
  return "";
}

// The file that holds the rest of a skeleton unit.
std::string other_file(Dwarf_Die& skeleton) { return text_of(skeleton, {DW_AT_dwo_name, DW_AT_GNU_dwo_name}); }

// That rest; nothing where its file is not there, or is none that libdw should be let open: it tries both of these paths.
std::optional<Dwarf_Die> rest_of(Dwarf_Die& skeleton, const std::string& directory) {
  const std::string file = other_file(skeleton), built_in = text_of(skeleton, {DW_AT_comp_dir});
  if (!is_plain_or_absent(path_from(directory, "", file)) || !is_plain_or_absent(path_from(directory, built_in, file))) return std::nullopt;
  Dwarf_Die rest;
  if (dwarf_cu_info(skeleton.cu, nullptr, nullptr, nullptr, &rest, nullptr, nullptr, nullptr) != 0 || !rest.addr) return std::nullopt;
  return rest;
}

template <class Visit>
void Batch::each_child(Dwarf_Die& parent, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  for (;;) {
    visit(child, dwarf_tag(&child));
    const char* const before = static_cast<const char*>(child.addr);
    if (dwarf_siblingof(&child, &child) != 0) return;
    if ((budget_ -= static_cast<const char*>(child.addr) - before) <= 0) return;
  }
}

template <class Visit>
void Batch::each_range(Dwarf_Die& die, Visit visit) {
  Dwarf_Addr base = 0, begin = 0, end = 0;
  for (std::ptrdiff_t next = 0; budget_ > 0 && (next = dwarf_ranges(&die, next, &base, &begin, &end)) > 0;) {
    budget_ -= kRangeBytes;
    if (begin < end) visit(begin, end);
  }
}

std::vector<Unit> Batch::units_with_addresses() {
  std::vector<Unit> units;
  std::vector<bool> taken(addresses_.size());
  Dwarf_CU* previous = nullptr;
  Dwarf_CU* cu = nullptr;
  Dwarf_Die root;
  std::uint8_t type = 0;
  // Not asked for the split units as well, which would open their files.
  while (dwarf_get_units(dwarf_, previous, &cu, nullptr, &type, &root, nullptr) == 0) {
    previous = cu;
    if (type == DW_UT_type || type == DW_UT_split_type || type == DW_UT_partial) continue;
    const bool is_skeleton = type == DW_UT_skeleton;
    const std::optional<Dwarf_Die> rest = is_skeleton ? rest_of(root, directory_) : std::nullopt;
    Unit unit{root, rest.value_or(root), {}, false};
    budget_ += kTimesRead * size_of(unit.tree);
    each_range(unit.root, [&](Dwarf_Addr begin, Dwarf_Addr end) {
      unit.has_ranges = true;
      auto at = std::lower_bound(addresses_.begin(), addresses_.end(), begin);
      for (; at != addresses_.end() && *at < end; ++at) {
        budget_ -= kHitBytes;
        const auto index = static_cast<std::uint32_t>(at - addresses_.begin());
        if (taken[index]) continue;
        taken[index] = true;
        unit.wanted.push_back(index);
      }
    });
    if (unit.wanted.empty() && unit.has_ranges) continue;
    std::sort(unit.wanted.begin(), unit.wanted.end());
    if (is_skeleton && !rest && !unit.wanted.empty()) missing_.push_back(other_file(root));
    units.push_back(std::move(unit));
  }
  // A unit that does not say what it covers may cover what nobody else does.
  Subset left;
  for (std::uint32_t i = 0; i < addresses_.size(); ++i)
    if (!taken[i]) left.push_back(i);
  if (left.empty()) std::erase_if(units, [](const Unit& unit) { return !unit.has_ranges; });
  for (Unit& unit : units) {
    if (unit.has_ranges) continue;
    if ((budget_ -= kHitBytes * static_cast<std::int64_t>(left.size())) <= 0) break;
    unit.wanted = left;
  }
  return units;
}

// The addresses of `wanted` that lie in one of the entry's ranges. Nearly always these are one range, and a part of
// `wanted` as it stands.
SubsetView Batch::inside(Dwarf_Die& die, SubsetView wanted, Subset& storage) {
  const auto make_set = [&] {
    std::sort(storage.begin(), storage.end());
    storage.erase(std::unique(storage.begin(), storage.end()), storage.end());
  };
  SubsetView found;
  each_range(die, [&](Dwarf_Addr begin, Dwarf_Addr end) {
    const auto before = [this](std::uint32_t index, Dwarf_Addr address) { return addresses_[index] < address; };
    const auto from = std::lower_bound(wanted.begin(), wanted.end(), begin, before);
    const auto to = std::lower_bound(from, wanted.end(), end, before);
    if (from == to) return;
    budget_ -= kHitBytes * (to - from);
    if (found.empty()) {
      found = {from, to};
      return;
    }
    if (storage.empty()) storage.assign(found.begin(), found.end());
    storage.insert(storage.end(), from, to);
    if (storage.size() > 2 * wanted.size()) make_set();  // ranges that say the same over and over
  });
  if (storage.empty()) return found;
  make_set();
  return storage;
}

// Where entries side by side claim the same address, which compilers produce now and then, the last one has it, as with
// llvm.
std::uint32_t Batch::enter(Dwarf_Die& die, std::uint32_t around, SubsetView hits) {
  const auto scope = static_cast<std::uint32_t>(scopes_.size());
  scopes_.push_back({die, around});
  for (const std::uint32_t index : hits) innermost_[index] = scope;
  return scope;
}

bool has_code(Dwarf_Die& die) { return dwarf_hasattr(&die, DW_AT_low_pc) || dwarf_hasattr(&die, DW_AT_ranges); }

// Functions stand at the top of a unit or in namespaces; with `deep`, anywhere (methods in types, lambdas in
// functions).
void Batch::find_functions(Dwarf_Die& parent, SubsetView wanted, bool deep, int depth) {
  if (depth > kMaxDepth) return;
  each_child(parent, [&](Dwarf_Die& child, int tag) {
    if (tag == DW_TAG_subprogram && has_code(child)) {
      Subset storage;
      const SubsetView hits = inside(child, wanted, storage);
      if (!hits.empty()) descend(child, hits, enter(child, kNone, hits), depth + 1);
    }
    if (deep || tag == DW_TAG_namespace || tag == DW_TAG_module) find_functions(child, wanted, deep, depth + 1);
  });
}

void Batch::descend(Dwarf_Die& parent, SubsetView wanted, std::uint32_t scope, int depth) {
  if (depth > kMaxDepth) return;
  each_child(parent, [&](Dwarf_Die& child, int tag) {
    const bool inlined = tag == DW_TAG_inlined_subroutine;
    if (!inlined && tag != DW_TAG_lexical_block && tag != DW_TAG_try_block && tag != DW_TAG_catch_block) return;
    Subset storage;
    const SubsetView hits = inside(child, wanted, storage);
    if (!hits.empty()) descend(child, hits, inlined ? enter(child, scope, hits) : scope, depth + 1);
  });
}

Subset Batch::without_scope(const Unit& unit) const {
  Subset left;
  for (const std::uint32_t index : unit.wanted)
    if (innermost_[index] == kNone) left.push_back(index);
  return left;
}

void Batch::resolve(Unit& unit) {
  const std::size_t first = scopes_.size();
  find_functions(unit.tree, without_scope(unit), false, 0);
  Subset left = without_scope(unit);
  if (in_function_) std::erase_if(left, [this](std::uint32_t index) { return !in_function_(index); });
  if (!left.empty()) find_functions(unit.tree, left, true, 0);
  name_scopes(unit, first);
  for (const std::uint32_t index : unit.wanted)
    if (names_[index].empty()) names_[index] = frames_of(unit, index);
}

void Batch::name_scopes(Unit& unit, std::size_t first) {
  Dwarf_Files* files = nullptr;
  std::size_t file_count = 0;
  if (first == scopes_.size() || dwarf_getsrcfiles(&unit.tree, &files, &file_count) != 0) files = nullptr;
  for (std::size_t i = first; i < scopes_.size(); ++i) {
    Scope& scope = scopes_[i];
    scope.name = name_of(scope.die);
    if (scope.around == kNone) continue;
    if (const auto file = number(scope.die, DW_AT_call_file); files && file && *file < file_count)
      scope.call_file = dwarf_filesrc(files, *file, nullptr, nullptr);
    scope.call_line = line_number(number(scope.die, DW_AT_call_line).value_or(0));
  }
}

const std::string* Batch::name_of(Dwarf_Die& die) {
  for (const unsigned attribute_name : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
    Dwarf_Attribute attribute;
    if (!dwarf_attr_integrate(&die, attribute_name, &attribute)) continue;
    const char* text = dwarf_formstring(&attribute);
    if (!text || !*text) continue;
    const auto [entry, fresh] = demangled_.try_emplace(text);
    if (fresh) entry->second = attribute_name == DW_AT_name ? text : demangle(text);
    return &entry->second;
  }
  return nullptr;
}

std::vector<SourceFrame> Batch::frames_of(Unit& unit, std::uint32_t index) const {
  SourceFrame place;  // file and line of the frame that is being made
  Dwarf_Line* line = dwarf_getsrc_die(&unit.root, addresses_[index]);
  if (line) {
    const char* file = dwarf_linesrc(line, nullptr, nullptr);
    int value = 0;
    if (file) place.file = file;
    if (dwarf_lineno(line, &value) == 0 && value > 0) place.line = value;
  }
  std::vector<SourceFrame> frames;
  if (innermost_[index] == kNone) {
    if (line) frames.push_back(std::move(place));
    return frames;
  }
  std::size_t depth = 0;
  for (std::uint32_t i = innermost_[index]; i != kNone; i = scopes_[i].around) ++depth;
  frames.reserve(depth);
  for (std::uint32_t i = innermost_[index]; i != kNone; i = scopes_[i].around) {
    const Scope& scope = scopes_[i];
    if (scope.name) place.function = *scope.name;
    frames.push_back(std::move(place));
    // The next one out stands where it called this one.
    place = {"", scope.call_file ? scope.call_file : "", scope.call_line};
  }
  return frames;
}

}  // namespace

std::vector<std::vector<SourceFrame>> dwarf_names(Dwarf* dwarf, std::span<const std::uint64_t> addresses,
                                                  const std::function<bool(std::size_t)>& in_function,
                                                  std::vector<std::string>* missing, const std::string& directory) {
  Batch batch(dwarf, addresses, in_function, directory);
  auto names = batch.run();
  if (missing) *missing = std::move(batch.missing());
  return names;
}

}  // namespace fdr
