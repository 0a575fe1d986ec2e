#include "unwind/gopclntab_rows.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "formats/byte_cursor.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/go_pclntab.hpp"
#include "unwind/go_systemstack.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxSteps = 4 * kMaxImageRows;
constexpr int kSavedRbp = -2;  // just below the return address

enum class Kind { kOrdinary, kTop, kSwitch, kSignal };

// By name where a flag does not tell, or did not yet exist (1.16).
Kind kind_of(const GoFunction& function) {
  constexpr std::string_view kSuffix = ".abi0";
  std::string_view name = function.name;
  if (name.ends_with(kSuffix)) name.remove_suffix(kSuffix.size());
  const auto is_one_of = [&](const auto& names) { return std::find(names.begin(), names.end(), name) != names.end(); };

  // rt_sigreturn, what the kernel returns to from a signal handler (runtime.sigreturn, later
  // runtime.sigreturn__sigaction).
  if (name.starts_with("runtime.sigreturn")) return Kind::kSignal;
  // Go's traceback ends at a signal handler's frame; the interrupted frame is known all the same.
  if (name == "runtime.sigtramp" || name == "runtime.cgoSigtramp") return Kind::kOrdinary;
  // runtime.mcall and runtime.morestack leave a goroutine for good (or for as long as its stack is copied): what runs
  // on the g0 stack then has no caller.
  static constexpr std::array<std::string_view, 6> kTop = {"runtime.mcall",  "runtime.mstart", "runtime.goexit",
                                                           "runtime.rt0_go", "runtime.gogo",   "runtime.cgocallback"};
  if ((function.flags & kGoTopFrame) || is_one_of(kTop) || name.starts_with("runtime.morestack") ||
      name.starts_with("_rt0_"))
    return Kind::kTop;
  // Those that write sp (flagged from 1.17 on) run something on the g0 stack and keep rbp: runtime.systemstack,
  // runtime.asmcgocall, and the callers of the vDSO.
  static constexpr std::array<std::string_view, 7> kSwitch = {
      "runtime.systemstack", "runtime.asmcgocall", "runtime.nanotime1",         "runtime.walltime",
      "runtime.walltime1",   "time.now",           "runtime.systemstack_switch"};
  if ((function.flags & kGoWritesSp) || is_one_of(kSwitch)) return Kind::kSwitch;
  return Kind::kOrdinary;
}

class Builder {
 public:
  Builder(const ElfImage& image, const GoPclntab& table) : image_(image), table_(table), base_(row_base(image)) {}
  ImageRows build();

 private:
  std::uint64_t rbp_saved_at(const GoFunction& function) const;
  void add_function(const GoFunction& function);
  void add_steps(const GoFunction& function, bool switches, std::uint64_t saved_at);
  bool add_systemstack(const GoFunction& function);
  // A damaged table may go backwards: rows do not.
  void add(std::uint64_t vaddr, fdr_row row) {
    row.pc = static_cast<fdr_u32>(vaddr - base_);
    if (!result_.rows.empty()) row.pc = std::max(row.pc, result_.rows.back().pc);
    append_row(result_.rows, row);
  }

  const ElfImage& image_;
  const GoPclntab& table_;
  const std::uint64_t base_;
  std::size_t steps_ = 0;
  ImageRows result_;
};

// From which address on the caller's rbp lies below the return address; UINT64_MAX where this function does not save
// it. Prologues: up to 1.20 sub $n,%rsp; mov %rbp,n-8(%rsp); from 1.21 on push %rbp. Both at the table's first move of
// sp.
std::uint64_t Builder::rbp_saved_at(const GoFunction& function) const {
  GoValues values(function);
  while (values.next() && values.start < function.end) {
    if (values.value <= 0) continue;
    const auto offset = image_.offset_of_vaddr(values.start);
    if (!offset || *offset == 0 || *offset >= image_.bytes().size()) break;
    if (values.value == 8 && image_.bytes()[*offset - 1] == 0x55) return values.start;
    ByteCursor code(image_.bytes().subspan(*offset));
    const auto opcode = code.take(4);
    if (code.failed() || opcode[0] != 0x48 || opcode[1] != 0x89 || opcode[3] != 0x24) break;
    if (opcode[2] == 0x6c && code.read<std::int8_t>() == values.value - 8) return values.start + 5;
    if (opcode[2] == 0xac && code.read<std::int32_t>() == values.value - 8) return values.start + 8;
    break;
  }
  return UINT64_MAX;
}

void Builder::add_steps(const GoFunction& function, bool switches, std::uint64_t saved_at) {
  GoValues values(function);
  if (!values.next()) return add(function.entry, make_row(0, FDR_ROW_FRAME));
  do {
    ++steps_;
    const std::int64_t words = values.value / FDR_WORD + 1;  // to the CFA, behind the return address
    const bool saved = values.value > 0 && values.end > saved_at;
    fdr_row row = make_row(0, FDR_ROW_RSP, 0, FDR_RBP_SAME);
    if (values.value < 0)
      row = make_row(0, FDR_ROW_FRAME);
    else if (values.value % FDR_WORD != 0 || words > FDR_CFA_MAX)
      row = make_row(0, FDR_ROW_COMPLEX, FDR_COMPLEX_OFFSET);
    else
      row.cfa = static_cast<fdr_s16>(words);
    if (!saved || values.start < saved_at) add(values.start, row);
    if (!saved) continue;
    const std::uint64_t from = std::max(values.start, saved_at);
    if (switches)
      add(from, make_row(0, FDR_ROW_SWITCH));
    else if (row.rule == FDR_ROW_RSP)
      add(from, make_row(0, FDR_ROW_RSP, row.cfa, kSavedRbp));
    else
      add(from, row);
  } while (values.next() && values.start < function.end);
}

// False for anything but runtime.systemstack as it has been since 1.16: without a frame, on the goroutine's stack but for a call in between.
bool Builder::add_systemstack(const GoFunction& function) {
  if (!function.name.starts_with("runtime.systemstack")) return false;
  const auto offset = image_.offset_of_vaddr(function.entry);
  const auto code = offset ? ByteReader(image_.bytes()).slice(*offset, function.end - function.entry) : std::nullopt;
  const auto found = code ? find_go_stack_switch(*code) : std::nullopt;
  if (!found) return false;
  add(function.entry, make_row(0, FDR_ROW_RSP, 1));
  add(function.entry + found->left, make_row(0, FDR_ROW_GOROUTINE, found->curg_words));
  add(function.entry + found->back, make_row(0, FDR_ROW_RSP, 1));
  return true;
}

void Builder::add_function(const GoFunction& function) {
  const std::uint64_t saved_at = rbp_saved_at(function);
  switch (kind_of(function)) {
    case Kind::kSignal:
      // A handler returns to its first byte, and a return address is looked up by the byte before.
      if (function.entry > table_.begin()) add(function.entry - 1, make_row(0, FDR_ROW_SIGNAL));
      return add(function.entry, make_row(0, FDR_ROW_SIGNAL));
    case Kind::kTop:
      return add(function.entry, make_row(0, FDR_ROW_END));
    case Kind::kSwitch:
      // One without a frame of its own leaves its caller's rbp alone: that caller is skipped, unless the goroutine says where it is.
      if (saved_at != UINT64_MAX) return add_steps(function, true, saved_at);
      if (!add_systemstack(function)) add(function.entry, make_row(0, FDR_ROW_SWITCH));
      return;
    case Kind::kOrdinary:
      return add_steps(function, false, saved_at);
  }
}

ImageRows Builder::build() {
  std::uint64_t covered = 0;  // vaddr up to which rows hold; 0: a gap has been made
  for (std::uint64_t i = 0; i < table_.functions(); ++i) {
    if (result_.rows.size() >= kMaxImageRows || steps_ >= kMaxSteps) {
      note(result_, "pclntab: too many rows");
      break;
    }
    const auto function = table_.function(i);
    if (!function || (!result_.rows.empty() && function->entry < result_.rows.back().pc + base_)) {
      ++result_.refused;
      note(result_, "pclntab: a damaged function");
      if (covered > base_) add(covered, make_row(0, FDR_ROW_GAP));
      covered = 0;
      continue;
    }
    add_function(*function);
    covered = function->end;
    ++result_.functions;
  }
  if (!result_.rows.empty()) add(table_.end(), make_row(0, FDR_ROW_GAP));
  return std::move(result_);
}

}  // namespace

ImageRows gopclntab_rows(const ElfImage& image) {
  ImageRows none;
  const auto table = GoPclntab::of(image, &none.reason);
  return table ? Builder(image, *table).build() : std::move(none);
}

}  // namespace fdr
