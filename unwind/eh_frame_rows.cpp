#include "unwind/eh_frame_rows.hpp"

#include <optional>
#include <unordered_map>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/cfi_program.hpp"
#include "unwind/eh_pointer.hpp"
#include "unwind/elf_sections.hpp"

namespace fdr {

namespace {

constexpr std::uint64_t kReturnAddress = 16;
constexpr std::uint64_t kMaxPadding = 15;  // functions begin at multiples of 16
constexpr std::size_t kMaxUnits = 20'000;
constexpr std::size_t kMaxInstructions = 1 << 20;  // bytes, of one function
constexpr std::size_t kMaxEhFrame = 256u << 20;

struct EhFrame {
  std::uint64_t vaddr = 0;
  std::span<const std::uint8_t> bytes;
  bool exact = false;  // the length is known; otherwise it ends at the terminator, and at its segment's end
};

// What the file has of the loaded segment that `vaddr` is in, from there on.
std::span<const std::uint8_t> loaded_bytes(const ElfImage& image, std::uint64_t vaddr) {
  for (const ElfImage::Segment& segment : image.segments()) {
    if (vaddr < segment.vaddr || vaddr - segment.vaddr >= segment.file_size) continue;
    const std::uint64_t offset = segment.offset + (vaddr - segment.vaddr);
    if (offset >= image.bytes().size()) return {};
    const std::uint64_t length = segment.file_size - (vaddr - segment.vaddr);
    return image.bytes().subspan(offset, std::min<std::uint64_t>(length, image.bytes().size() - offset));
  }
  return {};
}

std::optional<EhFrame> find_eh_frame(const ElfImage& image) {
  const auto section = find_section(image, ".eh_frame");
  if (const auto header = image.eh_frame_header()) {
    ByteCursor cursor(image.bytes().subspan(header->offset, header->file_size));
    const auto version = cursor.read<std::uint8_t>();
    const auto encoding = cursor.read<std::uint8_t>();
    cursor.read<std::uint16_t>();  // encodings of the search table
    const auto vaddr = read_eh_pointer(cursor, encoding, header->vaddr + cursor.position());
    if (version == 1 && vaddr) {
      // Sections may lie: they only tell the length.
      if (section && section->vaddr == *vaddr) return EhFrame{*vaddr, section->bytes, true};
      if (const auto bytes = loaded_bytes(image, *vaddr); !bytes.empty()) return EhFrame{*vaddr, bytes, false};
    }
  }
  if (section) return EhFrame{section->vaddr, section->bytes, true};
  return std::nullopt;
}

struct Record {              // a CIE or an FDE
  std::uint64_t offset = 0;  // of its length
  std::uint64_t id_offset = 0, body_offset = 0;
  std::uint32_t id = 0;                // 0: a CIE; otherwise the distance back from the id to the CIE
  std::span<const std::uint8_t> body;  // behind the id
};

struct Function {                    // its raw rows: raw_[first, first + count)
  std::uint64_t start = 0, end = 0;  // vaddr
  std::uint32_t first = 0, count = 0;
};

class Builder {
 public:
  Builder(const ElfImage& image, const EhFrame& frame) : image_(image), frame_(frame), base_(row_base(image)) {}
  ImageRows build();

 private:
  bool next_record(std::uint64_t& offset, Record& record);
  bool read_unit(const Record& record);
  void read_function(const Record& record);
  void refuse(const char* reason) {
    ++result_.refused;
    note(result_, reason);
  }
  bool is_padding(std::uint64_t from, std::uint64_t to) const;
  void merge();

  const ElfImage& image_;
  const EhFrame& frame_;
  const std::uint64_t base_;
  std::unordered_map<std::uint64_t, CfiUnit> units_;  // by the offset of the CIE
  std::vector<Function> functions_;
  std::vector<fdr_row> raw_;
  ImageRows result_;
};

// False at the end. The 64-bit format is read too; `offset` moves behind the record.
bool Builder::next_record(std::uint64_t& offset, Record& record) {
  for (;;) {
    if (offset == frame_.bytes.size()) return false;
    ByteCursor cursor(frame_.bytes.subspan(offset));
    std::uint64_t length = cursor.read<std::uint32_t>();
    if (length == 0 && !cursor.failed()) {  // a terminator; of several objects there may be several
      if (!frame_.exact) return false;
      offset += 4;
      continue;
    }
    if (length == 0xffffffff) length = cursor.read<std::uint64_t>();
    record.offset = offset;
    record.id_offset = offset + cursor.position();
    ByteCursor body(cursor.take(length));
    record.id = body.read<std::uint32_t>();
    record.body_offset = record.id_offset + body.position();
    if (cursor.failed() || body.failed()) return note(result_, ".eh_frame: a record reaches beyond its end"), false;
    record.body = body.take(body.left());
    offset = record.id_offset + length;
    return true;
  }
}

bool Builder::read_unit(const Record& record) {
  CfiUnit unit;
  ByteCursor cursor(record.body);
  const auto version = cursor.read<std::uint8_t>();
  if (version != 1 && version != 3 && version != 4) return false;
  const std::string_view augmentation = cursor.text();
  if (augmentation == "eh") cursor.read<std::uint64_t>();  // GCC 2
  if (version == 4 && (cursor.read<std::uint8_t>() != 8 || cursor.read<std::uint8_t>() != 0)) return false;
  unit.code_align = cursor.uleb128();
  unit.data_align = cursor.sleb128();
  const std::uint64_t return_register = version == 1 ? cursor.read<std::uint8_t>() : cursor.uleb128();
  if (cursor.failed() || return_register != kReturnAddress) return false;
  if (augmentation.starts_with('z')) {
    unit.has_augmentation = true;
    const std::uint64_t length = cursor.uleb128();
    ByteCursor data(cursor.take(length));
    for (const char letter : augmentation.substr(1)) {
      if (letter == 'R')
        unit.pointer_encoding = data.read<std::uint8_t>();
      else if (letter == 'S')
        unit.signal_frame = true;
      else if (letter == 'L')
        data.read<std::uint8_t>();
      else if (letter == 'P') {
        if (!read_eh_number(data, data.read<std::uint8_t>())) return false;
      } else if (letter != 'B') {  // 'B': return addresses are signed, on AArch64
        break;                     // its data are skipped with the rest
      }
    }
    if (data.failed()) return false;
  } else if (!augmentation.empty() && augmentation != "eh") {
    return false;
  }
  const auto instructions = cursor.take(cursor.left());
  if (cursor.failed() || !run_initial_instructions(unit, instructions)) return false;
  units_.emplace(record.offset, unit);
  return true;
}

void Builder::read_function(const Record& record) {
  // A CIE lies before its FDEs, so it has been met already.
  const auto unit = record.id > record.id_offset ? units_.end() : units_.find(record.id_offset - record.id);
  if (unit == units_.end()) return refuse(".eh_frame: a function without a usable CIE");
  const CfiUnit& cie = unit->second;
  ByteCursor cursor(record.body);
  const auto vaddr_here = [&] { return frame_.vaddr + record.body_offset + cursor.position(); };
  const auto start = read_eh_pointer(cursor, cie.pointer_encoding, vaddr_here());
  const std::uint64_t length = read_eh_number(cursor, cie.pointer_encoding & 0x07).value_or(0);
  if (cie.has_augmentation) cursor.take(cursor.uleb128());
  if (!start || cursor.failed()) return refuse(".eh_frame: a function with unreadable addresses");
  if (length == 0) return;
  const std::uint64_t limit = code_end(image_, *start, base_);
  if (limit == 0) return refuse(".eh_frame: a function outside the code");  // discarded by the linker, or not ours

  CfiFunction function{*start, length > limit - *start ? limit : *start + length, vaddr_here(), {}};
  function.instructions = cursor.take(cursor.left());
  if (function.instructions.size() > kMaxInstructions)
    return refuse(".eh_frame: a function with too many instructions");
  const std::size_t first = raw_.size();
  if (!rows_of_function(cie, function, base_, raw_)) refuse(".eh_frame: damaged instructions");
  functions_.push_back({function.start, function.end, static_cast<std::uint32_t>(first),
                        static_cast<std::uint32_t>(raw_.size() - first)});
  ++result_.functions;
}

// Whether nothing but alignment lies between two functions, judged by how it begins: nops of any length, int3, zeros.
// Without this a third of all rows would be gaps that no code is in.
bool Builder::is_padding(std::uint64_t from, std::uint64_t to) const {
  if (to - from > kMaxPadding) return false;
  const auto code = loaded_bytes(image_, from);
  if (code.empty()) return false;
  std::size_t i = 0;
  while (i < code.size() && i < kMaxPadding && code[i] == 0x66) ++i;
  const auto byte = [&](std::size_t at) { return at < code.size() ? code[at] : 0xff; };
  if (byte(i) == 0x2e) ++i;
  const bool long_nop = byte(i) == 0x0f && byte(i + 1) == 0x1f;
  return long_nop || byte(i) == 0x90 || (i == 0 && (byte(0) == 0xcc || byte(0) == 0x00));
}

void Builder::merge() {
  std::stable_sort(functions_.begin(), functions_.end(),
                   [](const Function& a, const Function& b) { return a.start < b.start; });
  result_.rows.reserve(raw_.size());
  std::uint64_t covered = 0;
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    const Function& function = functions_[i];
    if (i > 0 && functions_[i - 1].start == function.start) continue;
    const std::uint64_t next = i + 1 < functions_.size() ? functions_[i + 1].start : UINT64_MAX;
    if (i > 0 && covered < function.start && !is_padding(covered, function.start))
      append_row(result_.rows, make_row(covered - base_, FDR_ROW_GAP));
    for (std::uint32_t k = 0; k < function.count; ++k) {
      const fdr_row& row = raw_[function.first + k];
      if (row.pc + base_ < next || k == 0) append_row(result_.rows, row);
    }
    covered = function.end;
  }
  if (!functions_.empty()) append_row(result_.rows, make_row(covered - base_, FDR_ROW_GAP));
}

ImageRows Builder::build() {
  Record record;
  if (frame_.bytes.size() > kMaxEhFrame && frame_.exact) {
    note(result_, ".eh_frame: too large");
    return std::move(result_);
  }
  for (std::uint64_t offset = 0; next_record(offset, record);) {
    if (record.id == 0) {
      if (units_.size() < kMaxUnits && !read_unit(record)) note(result_, ".eh_frame: a CIE that is not understood");
    } else {
      read_function(record);
    }
    if (raw_.size() >= kMaxImageRows) {
      note(result_, ".eh_frame: too many rows");
      break;
    }
  }
  merge();
  return std::move(result_);
}

}  // namespace

ImageRows eh_frame_rows(const ElfImage& image) {
  const auto frame = find_eh_frame(image);
  if (!frame) {
    ImageRows none;
    none.reason = "no .eh_frame";
    return none;
  }
  return Builder(image, *frame).build();
}

}  // namespace fdr
