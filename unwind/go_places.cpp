#include "unwind/go_places.hpp"

#include "unwind/byte_reader.hpp"
#include "unwind/elf_pointers.hpp"

namespace fdr {

namespace {

constexpr std::uint32_t kInlTreeIndex = 2;  // PCDATA
constexpr std::uint32_t kInlTree = 3;       // FUNCDATA
constexpr std::size_t kMaxInlined = 64;

// runtime.moduledata: begins with the address of the table; minpc and maxpc; gofunc, before which 1.20 put covctrs and
// ecovctrs.
constexpr std::uint64_t kMinPc = 160, kMaxPc = 168;
constexpr std::uint64_t go_func_offset(int version) { return version >= 20 ? 320 : 304; }

}  // namespace

std::optional<std::uint64_t> go_module_data(const ElfImage& image, const GoPclntab& table) {
  const ElfPointers pointers(image);
  for (const std::uint64_t module : pointers.to(table.vaddr(), 4))
    if (pointers.at(module + kMinPc) == table.begin() && pointers.at(module + kMaxPc) == table.end()) return module;
  return std::nullopt;
}

GoPlaces::GoPlaces(const ElfImage& image, const GoPclntab& table) : image_(&image), table_(table) {
  if (table.version() < 18) return;
  if (const auto module = go_module_data(image, table))
    func_data_ = ElfPointers(image).at(*module + go_func_offset(table.version())).value_or(0);
}

// runtime.inlinedCall. 1.18: parent (16 bit), funcID, padding, file, line, name, parentPc; 1.20 on: funcID, padding,
// name, parentPc, startLine. parentPc is an instruction of the caller's that stands at the line of the call, counted
// from the entry.
std::optional<GoPlaces::Inlined> GoPlaces::inlined(const GoFunction& function, std::uint64_t vaddr) const {
  const auto index = table_.pc_data(function, kInlTreeIndex, vaddr);
  if (!index || *index < 0 || *index > UINT32_MAX || func_data_ == 0) return std::nullopt;
  const auto tree = table_.func_data(function, kInlTree);
  const bool wide = table_.version() < 20;
  const auto offset = tree ? image_->offset_of_vaddr(func_data_ + *tree) : std::nullopt;
  if (!offset) return std::nullopt;
  const ByteReader reader(image_->bytes());
  const std::uint64_t at = *offset + static_cast<std::uint64_t>(*index) * (wide ? 20 : 16);
  const auto name = reader.read<std::uint32_t>(at + (wide ? 12 : 4));
  const auto parent = reader.read<std::uint32_t>(at + (wide ? 16 : 8));
  if (!name || !parent || *parent >= function.end - function.entry) return std::nullopt;
  return Inlined{table_.name_at(*name), function.entry + *parent};
}

std::vector<GoPlace> GoPlaces::at(std::uint64_t vaddr) const {
  std::vector<GoPlace> places;
  const auto function = table_.find(vaddr);
  if (!function) return places;
  for (auto call = inlined(*function, vaddr); call && places.size() < kMaxInlined; call = inlined(*function, vaddr)) {
    if (call->name.empty()) break;
    const GoLine line = table_.line_of(*function, vaddr);
    places.push_back({call->name, line.file, line.line});
    vaddr = call->called_at;
  }
  const GoLine line = table_.line_of(*function, vaddr);
  places.push_back({function->name, line.file, line.line});
  return places;
}

}  // namespace fdr
