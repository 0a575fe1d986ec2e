#include "recorder/sources/ptrace_stack.hpp"

#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <algorithm>
#include <thread>

#include "formats/clock.hpp"

namespace fdr {
namespace {

constexpr Duration kPatience = std::chrono::milliseconds(200);  // to come to a stop: it may have to wait for a CPU first
constexpr Duration kLook = std::chrono::microseconds(200);      // asleep between looks: it may be our CPU that it waits for
constexpr std::size_t kPage = 4096;

// True once it has stopped.
bool await_stop(std::int32_t tid, Timestamp until) {
  int status = 0;
  do {
    const int got = ::waitpid(tid, &status, __WALL | WNOHANG);
    if (got == tid) return WIFSTOPPED(status);
    if (got < 0) return false;
    std::this_thread::sleep_for(kLook);
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

StoppedThread stop_and_copy(std::int32_t pid, std::int32_t tid, std::size_t most) {
  StoppedThread thread;
  if (::ptrace(PTRACE_SEIZE, tid, nullptr, nullptr)) return thread;
  const bool asked = ::ptrace(PTRACE_INTERRUPT, tid, nullptr, nullptr) == 0;
  user_regs_struct registers{};
  if (asked && await_stop(tid, MonotonicClock::now() + kPatience) && ::ptrace(PTRACE_GETREGS, tid, nullptr, &registers) == 0) {
    StoppedStack& stack = thread.stack.emplace();
    stack.registers = {.ip = registers.rip, .sp = registers.rsp, .bp = registers.rbp, .bx = registers.rbx, .r12 = registers.r12, .r13 = registers.r13, .r14 = registers.r14, .r15 = registers.r15,
                       .thread = registers.fs_base};
    stack.bytes = copy_stack(pid, registers.rsp, most, stack.whole);
  }
  thread.let_go = ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr) == 0 || let_go(tid);
  return thread;
}

bool let_go(std::int32_t tid) {
  int status = 0;
  const int got = ::waitpid(tid, &status, __WALL | WNOHANG);
  if (got < 0 || (got == tid && !WIFSTOPPED(status))) return true;  // it has gone
  return ::ptrace(PTRACE_DETACH, tid, nullptr, nullptr) == 0;
}

}  // namespace fdr
