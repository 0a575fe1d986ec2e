#include "unwind/eh_frame_rows.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "unwind/cfi_program.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/eh_frame_records.hpp"
#include "unwind/elf_sections.hpp"

namespace fdr {

namespace {

constexpr std::uint64_t kMaxPadding = 15;  // functions begin at multiples of 16
constexpr std::size_t kMaxUnits = 20'000;
constexpr std::size_t kMaxInstructions = 1 << 20;  // bytes, of one function
constexpr std::size_t kMaxEhFrame = 256u << 20;

std::optional<EhFrame> find_eh_frame(const ElfImage& image) {
  const auto section = find_section(image, ".eh_frame");
  if (const auto head = EhFrameHead::of(image)) {
    // Sections may lie: they only tell the length.
    if (section && section->vaddr == head->eh_frame) return EhFrame{head->eh_frame, section->bytes, true};
    if (const auto bytes = image.loaded_bytes(head->eh_frame); !bytes.empty()) return EhFrame{head->eh_frame, bytes, false};
  }
  if (section) return EhFrame{section->vaddr, section->bytes, true};
  return std::nullopt;
}

struct Function {                    // its raw rows: raw_[first, first + count)
  std::uint64_t start = 0, end = 0;  // vaddr
  std::uint32_t first = 0, count = 0;
};

class Builder {
 public:
  Builder(const ElfImage& image, const EhFrame& frame) : image_(image), frame_(frame), base_(row_base(image)) {}
  ImageRows build();

 private:
  bool read_unit(const EhRecord& record);
  void read_function(const EhRecord& record);
  void refuse(const char* reason) {
    ++result_.refused;
    note(result_, reason);
  }
  bool is_padding(std::uint64_t from, std::uint64_t to) const;
  void merge();

  const ElfImage& image_;
  const EhFrame& frame_;
  const std::uint64_t base_;
  std::unordered_map<std::uint64_t, CfiUnit> units_;  // by the vaddr of the CIE
  std::vector<Function> functions_;
  std::vector<fdr_row> raw_;
  ImageRows result_;
};

bool Builder::read_unit(const EhRecord& record) {
  auto parsed = parse_unit(record);
  if (!parsed || !run_initial_instructions(parsed->unit, parsed->instructions)) return false;
  units_.emplace(record.vaddr, parsed->unit);
  return true;
}

void Builder::read_function(const EhRecord& record) {
  // A CIE lies before its FDEs, so it has been met already.
  const auto unit = units_.find(record.unit_vaddr());
  if (unit == units_.end()) return refuse(".eh_frame: a function without a usable CIE");
  auto function = parse_function(record, unit->second);
  if (!function) return refuse(".eh_frame: a function with unreadable addresses");
  if (function->start == function->end) return;
  const std::uint64_t limit = code_end(image_, function->start, base_);
  if (limit == 0) return refuse(".eh_frame: a function outside the code");  // discarded by the linker, or not ours

  function->end = std::min(function->end, limit);
  if (function->instructions.size() > kMaxInstructions)
    return refuse(".eh_frame: a function with too many instructions");
  const std::size_t first = raw_.size();
  if (!rows_of_function(unit->second, *function, base_, raw_)) refuse(".eh_frame: damaged instructions");
  functions_.push_back({function->start, function->end, static_cast<std::uint32_t>(first),
                        static_cast<std::uint32_t>(raw_.size() - first)});
  ++result_.functions;
}

// Whether nothing but alignment lies between two functions, judged by how it begins: nops of any length, int3, zeros.
// Without this a third of all rows would be gaps that no code is in.
bool Builder::is_padding(std::uint64_t from, std::uint64_t to) const {
  if (to - from > kMaxPadding) return false;
  const auto code = image_.loaded_bytes(from);
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
  if (frame_.bytes.size() > kMaxEhFrame && frame_.exact) {
    note(result_, ".eh_frame: too large");
    return std::move(result_);
  }
  EhRecords records(frame_);
  while (const auto record = records.next()) {
    if (record->is_unit()) {
      if (units_.size() < kMaxUnits && !read_unit(*record)) note(result_, ".eh_frame: a CIE that is not understood");
    } else {
      read_function(*record);
    }
    if (raw_.size() >= kMaxImageRows) {
      note(result_, ".eh_frame: too many rows");
      break;
    }
  }
  if (records.cut()) note(result_, ".eh_frame: a record reaches beyond its end");
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
