#include "recorder/sources/ptrace_stack.hpp"

#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>

#include "formats/clock.hpp"

namespace fdr {
namespace {

constexpr Duration kPatience = std::chrono::milliseconds(50);  // to come to a stop: in the kernel it may take its time
constexpr std::size_t kPage = 4096;

// True once it has stopped.
bool await_stop(std::int32_t tid, Timestamp until) {
  int status = 0;
  do {
    const int got = ::waitpid(tid, &status, __WALL | WNOHANG);
    if (got == tid) return WIFSTOPPED(status);
    if (got < 0) return false;
    ::sched_yield();
  } while (MonotonicClock::now() < until);
  return false;
}

// Page by page, as far as there are any.
std::vector<std::uint8_t> copy_stack(std::int32_t pid, std::uint64_t from, std::size_t most, bool& whole) {
  std::vector<std::uint8_t> bytes(most);
  std::size_t got = 0;
  while (got < most) {
    const std::size_t wanted = std::min(most - got, kPage - (from + got) % kPage);
    iovec here{bytes.data() + got, wanted}, there{reinterpret_cast<void*>(from + got), wanted};
    if (::process_vm_readv(pid, &here, 1, &there, 1, 0) != static_cast<ssize_t>(wanted)) break;
    got += wanted;
  }
  whole = got < most;
  bytes.resize(got & ~std::size_t{7});
  return bytes;
}

}  // namespace

std::optional<StoppedStack> stop_and_copy(std::int32_t pid, std::int32_t tid, std::size_t most) {
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr)) return std::nullopt;
  const bool asked = ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0;
  std::optional<StoppedStack> stack;
  user_regs_struct registers{};
  bool stopped = asked && await_stop(tid, MonotonicClock::now() + kPatience);
  if (stopped && ::ptrace(PTRACE_GETREGS, tid, nullptr, &registers) == 0) {
    stack.emplace();
    stack->registers = {.ip = registers.rip, .sp = registers.rsp, .bp = registers.rbp, .bx = registers.rbx, .r12 = registers.r12, .r13 = registers.r13, .r14 = registers.r14, .r15 = registers.r15,
                        .thread = registers.fs_base};
    stack->bytes = copy_stack(pid, registers.rsp, most, stack->whole);
  }
  // Only who has stopped can be let go. Who has not yet will stop at the interrupt, and must not stay there.
  while (!stopped && asked && ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr)) {
    if (!(stopped = await_stop(tid, MonotonicClock::now() + kPatience)) && ::waitpid(tid, nullptr, __WALL | WNOHANG) < 0) return stack;  // it has gone
  }
  if (stopped) ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr);
  return stack;
}

}  // namespace fdr
