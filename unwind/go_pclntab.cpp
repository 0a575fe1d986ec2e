#include "unwind/go_pclntab.hpp"

#include <algorithm>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/elf_pointers.hpp"
#include "unwind/elf_sections.hpp"
#include "unwind/image_rows.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxName = 4096;
constexpr std::size_t kMaxSearched = 128u << 20;  // bytes of one image, where no section tells
constexpr std::uint64_t kTextStart = 24;  // of the header, 1.18 on
// runtime.moduledata: minpc, maxpc and text, behind the header's address, five slices, ftab and findfunctab.
constexpr std::uint64_t kMinPc = 160, kMaxPc = 168, kText = 176;

// runtime.pcHeader begins with magic, two zeros, the size of an instruction (1) and of a pointer (8).
int version_of(std::uint64_t first_word) {
  switch (first_word) {
    case 0x0801'0000'ffff'fff1:
      return 20;
    case 0x0801'0000'ffff'fff0:
      return 18;
    case 0x0801'0000'ffff'fffa:
      return 16;
    default:
      return 0;
  }
}

std::uint64_t first_word(std::span<const std::uint8_t> bytes) {
  return ByteReader(bytes).read<std::uint64_t>(0).value_or(0);
}

// Where the table may begin. By its section; a linker that is not Go's may have put it into another one, and a file may
// have none: then by its first word, wherever data are loaded. Reading a whole file for that is worth it only where
// nothing says that it is not Go's.
std::vector<ElfSection> candidates(const ElfImage& image) {
  std::vector<ElfSection> found;
  for (const char* name : {".gopclntab", ".data.rel.ro.gopclntab"})
    if (const auto section = find_section(image, name)) return {*section};
  if (find_section(image, ".shstrtab") && !image.has_go_note()) return found;
  std::size_t room = kMaxSearched;
  for (const ElfImage::Segment& segment : image.segments()) {
    auto bytes = ByteReader(image.bytes()).slice(segment.offset, segment.file_size);
    if (segment.executable || !bytes) continue;
    bytes = bytes->first(std::min(bytes->size(), room));
    room -= bytes->size();
    for (std::size_t at = 0; at + 8 <= bytes->size() && found.size() < 16; at += 8) {
      const auto here = bytes->subspan(at);
      if (version_of(first_word(here)) != 0) found.push_back({segment.vaddr + at, here});
    }
  }
  return found;
}

// Of runtime._func, behind the entry: 32-bit fields (deferreturn and args are left out; startLine stands between
// cuOffset and the bytes from 1.20 on), then bytes: funcID, flag, one of padding, nfuncdata; then the 32-bit offsets of
// PCDATA and of FUNCDATA.
constexpr std::uint64_t kName = 0, kPcSp = 12, kPcFile = 16, kPcLine = 20, kPcDataCount = 24, kUnit = 28;
constexpr std::uint64_t kFlag = 1, kFuncDataCount = 3, kPcData = 4;  // behind the bytes' begin

std::span<const std::uint8_t> from(std::span<const std::uint8_t> bytes, std::uint64_t offset) {
  return offset < bytes.size() ? bytes.subspan(offset) : std::span<const std::uint8_t>{};
}

}  // namespace

bool GoValues::next() {
  ByteCursor cursor(table);
  const std::uint64_t zigzag = cursor.uleb128();
  const std::uint64_t length = cursor.uleb128();
  if (cursor.failed() || length == 0 || (zigzag == 0 && start != 0)) return false;
  value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + ((zigzag >> 1) ^ (0 - (zigzag & 1))));
  start = end;
  end = start + length;
  table = table.subspan(cursor.position());
  return end > start;
}

std::optional<GoPclntab> GoPclntab::parse(std::span<const std::uint8_t> bytes, std::uint64_t* text) {
  GoPclntab table;
  table.version_ = version_of(first_word(bytes));
  const ByteReader reader(bytes);
  const std::uint64_t offsets = table.version_ >= 18 ? 32 : 24;  // of names, units, files, pc values, functions
  const auto count = reader.read<std::uint64_t>(8), names = reader.read<std::uint64_t>(offsets),
             values = reader.read<std::uint64_t>(offsets + 24), functions = reader.read<std::uint64_t>(offsets + 32);
  if (table.version_ == 0 || !count || !functions || !names || !values) return std::nullopt;
  *text = table.version_ >= 18 ? reader.read<std::uint64_t>(kTextStart).value_or(0) : 0;
  table.count_ = *count;
  table.names_ = from(bytes, *names);
  table.units_ = from(bytes, reader.read<std::uint64_t>(offsets + 8).value_or(UINT64_MAX));
  table.files_ = from(bytes, reader.read<std::uint64_t>(offsets + 16).value_or(UINT64_MAX));
  table.pc_values_ = from(bytes, *values);
  table.functions_ = from(bytes, *functions);
  // One entry for each function and half of one for the end.
  const std::uint64_t size = table.version_ >= 18 ? 8 : 16;
  if (table.names_.empty() || table.pc_values_.empty() || table.count_ == 0 ||
      table.functions_.size() / size <= table.count_)
    return std::nullopt;
  return table;
}

std::optional<std::uint64_t> GoPclntab::entry_of(std::uint64_t index) const {
  const ByteReader reader(functions_);
  if (version_ < 18) return reader.read<std::uint64_t>(index * 16);
  const auto offset = reader.read<std::uint32_t>(index * 8);
  return offset ? std::optional(text_ + *offset) : std::nullopt;
}

bool GoPclntab::place(const ElfImage& image, std::uint64_t text) {
  text_ = text;
  begin_ = entry_of(0).value_or(0);
  end_ = entry_of(count_).value_or(0);
  return begin_ != 0 && begin_ < end_ && end_ <= code_end(image, begin_, row_base(image));
}

bool GoPclntab::place_by_module_data(const ElfImage& image, std::uint64_t vaddr) {
  const ElfPointers pointers(image);
  for (const std::uint64_t module : pointers.to(vaddr, 4)) {
    const auto text = pointers.at(module + kText);
    if (text && *text != 0 && place(image, *text) && pointers.at(module + kMinPc) == begin_ &&
        pointers.at(module + kMaxPc) == end_)
      return true;
  }
  return false;
}

std::optional<GoPclntab> GoPclntab::of(const ElfImage& image, std::string* problem) {
  for (const ElfSection& candidate : candidates(image)) {
    std::uint64_t text = 0;
    auto table = parse(candidate.bytes, &text);
    if (!table) {
      *problem = "pclntab: damaged, or of an unknown version";
      continue;
    }
    table->vaddr_ = candidate.vaddr;
    // Where the code begins: the header says it up to Go 1.25; in a position-independent file the loader writes it
    // there. From 1.26 on it is in runtime.moduledata. Last, .text begins with it where only Go's linker was used.
    bool placed = (table->version_ < 18 || text != 0) && table->place(image, text);
    if (!placed && table->version_ >= 18) {
      const auto loaded = ElfPointers(image).at(candidate.vaddr + kTextStart);
      placed = loaded && *loaded != 0 && table->place(image, *loaded);
      if (!placed) placed = table->place_by_module_data(image, candidate.vaddr);
      if (const auto section = placed ? std::nullopt : find_section(image, ".text"))
        placed = table->place(image, section->vaddr);
    }
    if (placed) return problem->clear(), table;
    *problem = "pclntab: its functions do not lie in the code";
  }
  return std::nullopt;
}

std::optional<GoFunction> GoPclntab::function(std::uint64_t index) const {
  if (index >= count_) return std::nullopt;
  const ByteReader reader(functions_);
  const auto entry = entry_of(index), end = entry_of(index + 1);
  if (!entry || !end || *entry >= *end || *entry < begin_ || *end > end_) return std::nullopt;
  std::uint64_t at = 0;
  if (version_ >= 18) {
    const auto offset = reader.read<std::uint32_t>(index * 8 + 4);
    if (!offset || reader.read<std::uint32_t>(*offset) != *entry - text_) return std::nullopt;
    at = *offset + std::uint64_t{4};
  } else {
    const auto offset = reader.read<std::uint64_t>(index * 16 + 8);
    if (!offset || reader.read<std::uint64_t>(*offset) != *entry) return std::nullopt;
    at = *offset + 8;
  }
  const auto name = reader.read<std::uint32_t>(at + kName), pcsp = reader.read<std::uint32_t>(at + kPcSp);
  const auto flags = reader.read<std::uint8_t>(at + bytes_at() + kFlag);
  if (!name || !pcsp || !flags) return std::nullopt;
  return GoFunction{*entry,
                    *end,
                    name_at(*name),
                    *flags,
                    *pcsp == 0 ? std::span<const std::uint8_t>{} : from(pc_values_, *pcsp),
                    at};
}

std::optional<GoFunction> GoPclntab::find(std::uint64_t vaddr) const {
  if (vaddr < begin_ || vaddr >= end_) return std::nullopt;
  std::uint64_t low = 0, high = count_;  // the entry of `low` is not above vaddr
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    const auto entry = entry_of(middle);
    if (!entry) return std::nullopt;
    (*entry <= vaddr ? low : high) = middle;
  }
  const auto found = function(low);
  return found && vaddr >= found->entry && vaddr < found->end ? found : std::nullopt;
}

std::string_view GoPclntab::name_at(std::uint32_t offset) const {
  const auto text = from(names_, offset);
  return ByteCursor(text.first(std::min(text.size(), kMaxName))).text();
}

// `field`: where in the table of functions the offset of the pc-value table stands. Offset 0 is no table.
std::optional<std::int64_t> GoPclntab::value_at(const GoFunction& function, std::uint64_t field,
                                                std::uint64_t vaddr) const {
  const auto offset = ByteReader(functions_).read<std::uint32_t>(field);
  if (!offset || *offset == 0) return std::nullopt;
  GoValues values(function.entry, from(pc_values_, *offset));
  while (values.next() && values.start < function.end)
    if (vaddr < values.end) return values.value;
  return std::nullopt;
}

// The value of pcfile counts in the files of the compilation unit, whose own table leads to the names.
GoLine GoPclntab::line_of(const GoFunction& function, std::uint64_t vaddr) const {
  GoLine found;
  const auto line = value_at(function, function.record + kPcLine, vaddr);
  if (line && *line > 0 && *line <= INT32_MAX) found.line = static_cast<std::uint32_t>(*line);
  const auto file = value_at(function, function.record + kPcFile, vaddr);
  const auto unit = ByteReader(functions_).read<std::uint32_t>(function.record + kUnit);
  if (!file || *file < 0 || *file > UINT32_MAX || !unit) return found;
  const auto offset =
      ByteReader(units_).read<std::uint32_t>((std::uint64_t{*unit} + static_cast<std::uint64_t>(*file)) * 4);
  if (!offset) return found;
  const auto text = from(files_, *offset);
  found.file = ByteCursor(text.first(std::min(text.size(), kMaxName))).text();
  return found;
}

std::optional<std::int64_t> GoPclntab::pc_data(const GoFunction& function, std::uint32_t index,
                                               std::uint64_t vaddr) const {
  const auto count = ByteReader(functions_).read<std::uint32_t>(function.record + kPcDataCount);
  if (!count || index >= *count) return std::nullopt;
  return value_at(function, function.record + bytes_at() + kPcData + std::uint64_t{index} * 4, vaddr);
}

std::optional<std::uint32_t> GoPclntab::func_data(const GoFunction& function, std::uint32_t index) const {
  const ByteReader reader(functions_);
  const std::uint64_t bytes = function.record + bytes_at();
  const auto before = reader.read<std::uint32_t>(function.record + kPcDataCount);
  const auto count = reader.read<std::uint8_t>(bytes + kFuncDataCount);
  if (version_ < 18 || !before || !count || index >= *count) return std::nullopt;
  const auto offset = reader.read<std::uint32_t>(bytes + kPcData + (std::uint64_t{*before} + index) * 4);
  return offset && *offset != UINT32_MAX ? offset : std::nullopt;
}

}  // namespace fdr
