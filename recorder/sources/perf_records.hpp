// Records of a perf ring (include/uapi/linux/perf_event.h), from bytes: what kind, when, who, and of a sample its stacks.
//
// Each ring of ours holds events of one sample_type, told by a PerfForm; what kind of event a sample is of is told by its raw data's first
// half-word, the id of its tracepoint (0: the clock). The kernel wrote the bytes, but what a stack or a name holds is the target's: lengths are
// checked, text is bounded. Views into the record: valid as long as its bytes. Pure, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "unwind/address_space.hpp"
#include "unwind/stack_sample.hpp"

namespace fdr {

// What the samples of a ring have, besides thread, time and CPU. All rings have sample_id_all.
enum class PerfForm {
  kTimeOnly,  // TIME: the side band of the whole host
  kPlain,     // TID, TIME, CPU: side band, switches
  kRaw,       // the same and RAW: system calls
  kStack,     // IP and CALLCHAIN (kernel side), RAW, REGS_USER, STACK_USER
};

struct PerfRecord {
  enum Kind { kOther, kSample, kMap, kComm, kFork, kExit, kSwitchIn, kSwitchOut, kLost } kind = kOther;
  std::uint64_t time_ns = 0;
  std::int32_t pid = 0, tid = 0;  // who it happened to; kFork: the child
  std::uint32_t cpu = 0;

  std::int32_t parent_pid = 0, parent_tid = 0;      // kFork
  bool exec = false;                                // kComm: a new program, not a new name
  bool preempted = false;                           // kSwitchOut: it could have gone on
  std::uint64_t lost = 0;                           // kLost
  std::string_view text;                            // kComm: the name; kMap: the path
  std::uint64_t address = 0, length = 0, page_offset = 0;  // kMap, of executable mappings alone
  std::span<const std::uint8_t> build_id;           // kMap; empty: not told

  // kSample
  bool in_kernel = false;
  std::uint64_t ip = 0;
  std::span<const std::uint8_t> raw;                // with the tracepoint's common fields
  std::vector<std::uint64_t> kernel_frames;         // innermost first
  bool has_registers = false;
  UserRegisters registers;
  std::span<const std::uint8_t> stack;              // from registers.sp on
  bool stack_whole = false;                         // there was no more of it to be had
};

// Registers and their order in a sample: bit numbers of arch/x86/include/uapi/asm/perf_regs.h.
std::uint64_t perf_register_mask();

// Nothing where it is not of that form: cut, or lengths that do not hold together.
std::optional<PerfRecord> read_perf_record(std::span<const std::uint8_t> record, PerfForm form);
// When, without looking at the rest: to merge rings. 0 where it is not told.
std::uint64_t perf_time(std::span<const std::uint8_t> record, PerfForm form);
// The tracepoint's id, or 0.
std::uint16_t tracepoint_of(const PerfRecord& sample);

// A mapping as perf tells it (PERF_RECORD_MMAP2).
Mapping mapping_of(const PerfRecord& map);

}  // namespace fdr
