#include "recorder/sources/switch_account.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "recorder/sources/syscall_traits.hpp"

namespace fdr {
namespace {

constexpr std::uint32_t kUninterruptible = 2;  // include/linux/sched.h: TASK_UNINTERRUPTIBLE

}  // namespace

SwitchAccount::SwitchAccount(const WindowFile& window, RingWriter& rings, std::uint64_t off_cpu_ns)
    : arrays_(window.arrays()), rings_(rings), off_cpu_ns_(off_cpu_ns), traits_(syscall_traits()) {}

void SwitchAccount::blocks(const fdr_thread& thread, std::span<const std::uint8_t> stack) {
  fdr_parked& place = arrays_.parked[thread.id & (FDR_PARKED - 1)];
  if (stack.size() < sizeof place.stack || stack.size() - sizeof place.stack > sizeof place.data) return;
  place.thread = thread.id;
  place.out_ns = 0;  // not yet
  place.length = static_cast<fdr_u32>(stack.size() - sizeof place.stack);
  std::memcpy(&place.stack, stack.data(), sizeof place.stack);
  std::memcpy(place.data, stack.data() + sizeof place.stack, place.length);
}

bool SwitchAccount::is_blocking(const fdr_thread& thread) const {
  const fdr_parked& place = arrays_.parked[thread.id & (FDR_PARKED - 1)];
  return place.thread == thread.id && place.out_ns == 0;
}

void SwitchAccount::out(fdr_thread& thread, std::uint32_t state, At at) {
  running(thread, at);
  thread.on_ns = 0;
  thread.out_ns = at.ns;
  thread.out_state = state;
  if (state == 0) ++thread.involuntary;
  else ++thread.voluntary;
  if (is_blocking(thread)) arrays_.parked[thread.id & (FDR_PARKED - 1)].out_ns = at.ns;
}

void SwitchAccount::in(fdr_thread& thread, At at) {
  if (thread.out_ns) come_back(thread, at);
  thread.on_ns = at.ns;
}

void SwitchAccount::running(fdr_thread& thread, At at) {
  if (thread.out_ns) {
    if (at.ns <= thread.out_ns) return;  // told late: it has left since
    ++arrays_.control->returns_unseen;
    come_back(thread, at);
  }
  if (thread.on_ns && at.ns > thread.on_ns) thread.cpu_ns += at.ns - thread.on_ns;
  thread.on_ns = std::max<std::uint64_t>(thread.on_ns, at.ns);
}

void SwitchAccount::come_back(fdr_thread& thread, At at) {
  const std::uint64_t out = thread.out_ns;
  if (at.ns < out) return;
  const std::uint64_t gap = at.ns - out;
  thread.off_ns += gap;
  thread.out_ns = 0;
  fdr_parked& parked = arrays_.parked[thread.id & (FDR_PARKED - 1)];
  const bool has_stack = parked.thread == thread.id && parked.out_ns == out;
  if (gap >= off_cpu_ns_ && !(thread.flags & (FDR_THREAD_MUTE | FDR_THREAD_EXITED))) {
    const bool in_call = thread.flags & FDR_THREAD_IN_CALL;
    const std::uint32_t nr = thread.nr & FDR_NR_MASK;
    fdr_stall stall{};
    stall.head.kind = FDR_STALL_BLOCKED;
    if (thread.out_state == 0) stall.head.kind = FDR_STALL_RUNNABLE;
    else if (thread.out_state & kUninterruptible) stall.head.kind = FDR_STALL_UNINTERRUPTIBLE;
    else if (!in_call || (nr < traits_.size() && traits_[nr] & FDR_TRAIT_WAITS)) stall.head.kind = FDR_STALL_WAIT;
    stall.length_ns = gap;
    stall.syscall = in_call ? static_cast<std::int32_t>(thread.nr) : -1;
    stall.has_stack = has_stack;
    const std::size_t length = has_stack ? sizeof stall + parked.length : offsetof(fdr_stall, stack);
    stall.head.ns = at.ns;
    stall.head.thread = thread.id;
    stall.head.len8 = static_cast<fdr_u16>(length / 8);
    if (has_stack) stall.stack = parked.stack;
    const std::span<const std::uint8_t> record(reinterpret_cast<const std::uint8_t*>(&stall), std::min(length, sizeof stall));
    const std::span<const std::uint8_t> rest(parked.data, has_stack ? parked.length : 0);
    if (rings_.may_take(FDR_STALLS, at.slot, length, at.ns)) rings_.append(FDR_STALLS, at.slot, at.cpu, record, at.ns, rest);
    else rings_.limited(FDR_STALLS, at.slot);
  }
  if (has_stack) parked.thread = 0;
}

}  // namespace fdr
