// The call stacks of a recording: modules, frames and stacks, each interned once and named by index.
//
// Addresses now, names later: a frame is (module, file offset of the call), so that it means the same in every
// process and on every machine. Offsets are *lookup* offsets: for a caller, the return address minus one has already been
// taken (unwind/stack_sample.hpp is the one place that does it). Owned by whoever owns the Timeline; not thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace fdr {

enum class ModuleKind : std::uint8_t { kFile, kKernel, kVdso, kAnonymous };

struct Module {
  ModuleKind kind = ModuleKind::kFile;
  std::string path;      // as the target saw it; "[kernel]", "[vdso]", "[anon PID]" for the others
  std::string build_id;  // lower-case hex, empty where unknown
  bool operator==(const Module&) const = default;
  auto operator<=>(const Module&) const = default;
};

struct Frame {
  std::uint32_t module = 0;  // index into modules
  std::uint64_t offset = 0;  // file offset (kFile, kVdso), address (kAnonymous, kKernel)
  std::string name;          // given at dump time for the kernel's frames and a JIT compiler's; empty for the others
  bool operator==(const Frame&) const = default;
};

// Why a walk ended. kRoot is the only complete one: a frame whose caller is known not to exist.
enum class WalkEnd : std::uint8_t {
  kRoot = 0,
  kKernelOnly,      // a kernel thread, or a sample taken where there are no user registers
  kCopyTooShort,    // the copied part of the stack was used up
  kNoMapping,       // an address that belongs to no known mapping
  kNoUnwindInfo,    // a mapping without unwind tables here (JIT, assembler, unreadable file)
  kTooDeep,
  kStuck,           // the frame address did not grow
  kUnreadable,      // stack memory could not be read
  kNotWalked,       // taken without a stack, on purpose
  kCount
};
const char* walk_end_name(WalkEnd end);

// Index types: kNoStack marks a record without a stack.
using StackId = std::uint32_t;
inline constexpr StackId kNoStack = UINT32_MAX;

class StackTable {
 public:
  std::uint32_t intern_module(const Module& module);
  std::uint32_t intern_frame(std::uint32_t module, std::uint64_t offset, const std::string& name = {});
  void name_frame(std::uint32_t frame, std::string name) { frames_.at(frame).name = std::move(name); }
  // `frames` outermost first.
  StackId intern_stack(std::span<const std::uint32_t> frames);

  const std::vector<Module>& modules() const { return modules_; }
  const std::vector<Frame>& frames() const { return frames_; }
  // Outermost first. Valid until the next intern_stack().
  std::span<const std::uint32_t> stack(StackId id) const;
  std::size_t stack_count() const { return stacks_.size(); }

  // "module+0x1234", or the name where the frame has one: never "[unknown]".
  std::string frame_label(std::uint32_t frame) const;

 private:
  std::vector<Module> modules_;
  std::vector<Frame> frames_;
  std::vector<std::vector<std::uint32_t>> stacks_;
  std::map<Module, std::uint32_t> module_ids_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> frame_ids_;
  std::map<std::vector<std::uint32_t>, StackId> stack_ids_;
};

// What symbolization says of one frame: the innermost inline function first, the function that contains the code last.
struct SourceFrame {
  std::string function;  // demangled
  std::string file;      // empty where unknown
  int line = 0;          // 0 where unknown
  bool operator==(const SourceFrame&) const = default;
};

// Indexed like StackTable::frames(). An empty entry means: no name was found, use StackTable::frame_label().
using FrameNames = std::vector<std::vector<SourceFrame>>;

}  // namespace fdr
