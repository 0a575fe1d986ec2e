// From a recorded stack (kernel addresses, then user frames that were walked, or registers and a copy that is walked here) to an
// interned stack of frames, outermost first.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "formats/stacks.hpp"
#include "recorder/window/wire.h"
#include "unwind/address_space.hpp"
#include "unwind/copy_walker.hpp"
#include "unwind/live/kernel_symbols.hpp"

namespace fdr {

struct DecodedStack {
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
};

struct SleepingStack {
  DecodedStack decoded;
  std::int32_t syscall = -1;  // that it sleeps in; -1: none
};

// What follows a struct fdr_stack, all within its record.
struct RecordedStack {
  fdr_stack header{};
  std::vector<std::uint64_t> kernel, user;  // innermost first, as recorded
  fdr_registers registers{};                // with FDR_STACK_COPIED
  std::span<const std::uint8_t> copy;       // from registers.sp on; a view of the record
};
// Reads the stack whose header is at `at`; false where the record cannot hold what its header says.
bool read_stack(std::span<const std::uint8_t> record, std::size_t at, RecordedStack& stack);

class StackDecoder {
 public:
  StackDecoder(StackTable& stacks, ModuleFiles& files, const KernelSymbols& kernel);

  // `space` may be null: nothing is known of process `pid`.
  DecodedStack decode(const RecordedStack& recorded, std::int32_t pid, const std::shared_ptr<AddressSpace>& space, Timestamp time);
  // The user stacks of threads of one process that sleep right now, one for each of `tids`; kNoStack where one does not, or moved meanwhile.
  std::vector<SleepingStack> read_sleeping(std::int32_t pid, std::span<const std::int32_t> tids, const std::shared_ptr<AddressSpace>& space, Timestamp now);

 private:
  std::uint32_t kernel_frame(std::uint64_t address);
  WalkedStack walk_copy(const RecordedStack& recorded, const std::shared_ptr<AddressSpace>& space, Timestamp time);
  std::uint32_t user_frame(const FrameAddress& address, std::int32_t pid, const AddressSpace* space, Timestamp time);

  StackTable& stacks_;
  CopyWalker walker_;
  const KernelSymbols& kernel_;
  std::uint32_t kernel_module_;
  std::set<std::shared_ptr<AddressSpace>> walked_;  // the walker keeps tables by address of the space: they must live as long
};

}  // namespace fdr
