// Names of a recording for people: functions (inline ones included), threads, processes, exits. Every frame's names are
// interned once, so that counting compares numbers. All text from here has passed printable(). Built once per command;
// immutable.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/timeline.hpp"

namespace fdr {

using FunctionId = std::uint32_t;

class Labels {
 public:
  // `names` may be shorter than the table of frames, or empty: what has no name is "module+0x1234".
  Labels(const Timeline& timeline, const FrameNames& names);

  const std::string& function(FunctionId id) const { return functions_[id]; }
  // Of one stack, outermost first, inline frames expanded.
  std::vector<FunctionId> functions_of(StackId stack) const;
  // Of its frames outside or inside the kernel only.
  enum class Part { kUser, kKernel };
  std::vector<FunctionId> functions_of(StackId stack, Part part) const;
  // The same with places: "handle_request  server.c:123" and "(inlined)".
  std::vector<std::string> lines_of(StackId stack) const;
  // Innermost function that is not the kernel's, else the innermost of all; empty without a stack.
  std::string place_of(StackId stack) const;

  std::string thread(std::uint32_t thread) const;    // "worker 4243"
  std::string process(std::uint32_t process) const;  // "haproxy 4242"
  std::string process_of_thread(std::uint32_t thread) const;
  std::string process_name(std::uint32_t process) const;  // "haproxy"

 private:
  const Timeline& timeline_;
  const FrameNames& names_;
  std::vector<std::string> functions_;
  std::vector<std::vector<FunctionId>> frames_;  // outermost first, never empty
};

// "exit 1", "killed by SIGSEGV", "killed by SIGABRT (core dumped)".
std::string exit_text(int wait_status);

// nullptr for kNoIndex and for indices that a damaged bundle made up.
const Thread* thread_at(const Timeline& timeline, std::uint32_t index);
const Process* process_at(const Timeline& timeline, std::uint32_t index);

}  // namespace fdr
