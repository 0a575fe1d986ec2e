// From a recorded stack (kernel addresses, registers, copied bytes) to an interned stack of frames, outermost first.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <span>

#include "formats/stacks.hpp"
#include "recorder/window/wire.h"
#include "unwind/address_space.hpp"
#include "unwind/kernel_symbols.hpp"
#include "unwind/unwinder.hpp"

namespace fdr {

struct DecodedStack {
  StackId stack = kNoStack;
  WalkEnd end = WalkEnd::kNotWalked;
};

class StackDecoder {
 public:
  StackDecoder(StackTable& stacks, ModuleFiles& files, const KernelSymbols& kernel);

  // `kernel` innermost first as the kernel gives it; `bytes` begin at header.sp. `space` may be null (nothing known of the process).
  DecodedStack decode(const fdr_stack& header, std::span<const std::uint64_t> kernel, std::span<const std::uint8_t> bytes,
                      const std::shared_ptr<AddressSpace>& space, Timestamp time);

 private:
  std::uint32_t kernel_frame(std::uint64_t address);
  std::uint32_t user_frame(const FrameAddress& address, const AddressSpace* space, Timestamp time);

  StackTable& stacks_;
  Unwinder unwinder_;
  const KernelSymbols& kernel_;
  std::uint32_t kernel_module_;
  std::set<std::shared_ptr<AddressSpace>> walked_;  // the unwinder keeps tables by address of the space: they must live as long
};

}  // namespace fdr
