#include "recorder/sources/call_account.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <bit>
#include <cerrno>

#include "recorder/sources/syscall_traits.hpp"

namespace fdr {
namespace {

constexpr std::int64_t kX32Bit = 0x40000000;
constexpr std::int64_t kMostErrno = 4095;
constexpr std::uint32_t kRestartSys = 512, kRestartBlock = 516;  // include/linux/errno.h: never seen by the program
constexpr std::uint64_t kTokensPerSecond = 10, kTokensMost = 20;
constexpr std::uint32_t kProbes = 8;

std::uint32_t number_of(std::int64_t id) { return (static_cast<std::uint32_t>(id) & FDR_NR_MASK) | (id & kX32Bit ? std::uint32_t{FDR_NR_X32} : 0u); }

bool is_quiet(std::uint32_t nr, std::uint32_t error) {
  if (error == EAGAIN || error == EINPROGRESS || error == EINTR) return true;
  if (error >= kRestartSys && error <= kRestartBlock) return true;
  return error == ETIMEDOUT && (nr & FDR_NR_MASK) == SYS_futex;
}

// Bucket i holds [2^(i+8), 2^(i+9)) ns, the first and the last are open.
std::uint32_t bucket_of(std::uint64_t ns) { return std::min<std::uint32_t>(static_cast<std::uint32_t>(std::bit_width(ns >> 9)), FDR_HISTOGRAM - 1); }

template <class Record>
std::span<const std::uint8_t> bytes_of(const Record& record) {
  return {reinterpret_cast<const std::uint8_t*>(&record), sizeof record};
}

}  // namespace

CallAccount::CallAccount(const WindowFile& window, RingWriter& rings, std::uint64_t slow_ns, bool single_calls)
    : arrays_(window.arrays()), rings_(rings), slow_ns_(slow_ns), single_calls_(single_calls), traits_(syscall_traits()), arguments_(window.view().layout.threads) {}

fdr_summary_cell* CallAccount::cell_of(std::uint32_t slot, std::uint32_t tgid, std::uint32_t nr) {
  const std::uint64_t key = std::uint64_t{tgid} << 32 | 1u << 31 | nr;
  fdr_summary_cell* const row = arrays_.summary + std::size_t{slot} * FDR_SUMMARY_ROW;
  const auto hash = static_cast<std::uint32_t>((key * 0x9e3779b97f4a7c15ull) >> 40);
  fdr_summary_cell* vacant = nullptr;
  for (std::uint32_t probe = 0; probe < FDR_SUMMARY_PROBES; ++probe) {
    fdr_summary_cell& cell = row[(hash + probe) & (FDR_SUMMARY_CELLS - 1)];
    if (cell.key == key) return &cell;
    if (!cell.key && !vacant) vacant = &cell;
  }
  if (vacant) {
    vacant->key = key;
    return vacant;
  }
  ++arrays_.control->summary_overflow;
  return row + FDR_SUMMARY_CELLS + (nr & (FDR_SYSCALLS_MAX - 1));
}

void CallAccount::count(fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, bool failed, bool timed, At at) {
  ++thread.calls;
  thread.call_cpu_ns += cpu;
  if (failed) ++thread.call_errors;
  fdr_summary_cell& cell = *cell_of(at.slot, thread.tgid, nr);
  ++cell.calls;
  if (failed) ++cell.errors;
  if (!timed) return;
  cell.wall_ns += wall;
  cell.cpu_ns += cpu;
  ++cell.histogram[bucket_of(wall)];
  const auto epoch = static_cast<std::uint32_t>(at.ns >> 30), parity = epoch & 1;
  if (cell.max_epoch[parity] != epoch) {
    cell.max_epoch[parity] = epoch;
    cell.max_ns[parity] = wall;
  } else {
    cell.max_ns[parity] = std::max<std::uint64_t>(cell.max_ns[parity], wall);
  }
}

void CallAccount::single(const fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, std::int64_t result, At at) {
  if (wall >> 32) {
    nr |= FDR_NR_SCALED;
    wall = std::min<std::uint64_t>(wall >> 10, UINT32_MAX);
    cpu = std::min(cpu >> 10, wall);
  }
  const fdr_syscall record{.end_ns = at.ns, .thread = thread.id, .nr = static_cast<fdr_u16>(nr), .ret_high = static_cast<fdr_u16>(static_cast<std::uint64_t>(result) >> 32),
                           .ret_low = static_cast<fdr_u32>(result), .wall = static_cast<fdr_u32>(wall), .cpu = static_cast<fdr_u32>(cpu),
                           .argument = static_cast<fdr_u32>(arguments_[thread.id & FDR_THREAD_SLOT_MASK][0])};
  rings_.append(FDR_SYSCALLS, at.slot, at.cpu, bytes_of(record), at.ns);
}

bool CallAccount::may_tell_failure(std::uint32_t tgid, std::uint32_t nr, std::uint32_t error, bool quiet, std::uint64_t now_ns) {
  const std::uint64_t key = std::uint64_t{tgid} << 32 | nr << 16 | error;
  const std::uint64_t hash = (key * 0x9e3779b97f4a7c15ull) >> 40;
  for (std::uint32_t probe = 0; probe < kProbes; ++probe) {
    ErrorCell& cell = arrays_.errors[(hash + probe) % kErrorCells];
    if (!cell.count) cell = {.tgid = tgid, .nr = static_cast<std::uint16_t>(nr), .error = static_cast<std::uint16_t>(error), .count = 0, .refilled_ns = now_ns, .tokens = kTokensMost};
    if (cell.tgid != tgid || cell.nr != nr || cell.error != error) continue;
    ++cell.count;
    if (quiet) return false;
    if (const std::uint64_t due = now_ns > cell.refilled_ns ? (now_ns - cell.refilled_ns) / (1'000'000'000 / kTokensPerSecond) : 0) {
      cell.tokens = std::min(cell.tokens + due, kTokensMost);
      cell.refilled_ns = now_ns;
    }
    if (!cell.tokens) return false;
    --cell.tokens;
    return true;
  }
  return false;  // no room: it is in the sums
}

void CallAccount::detailed(int ring, const fdr_thread& thread, std::uint32_t nr, std::uint64_t wall, std::uint64_t cpu, std::int64_t result, At at) {
  fdr_call call{};
  call.head = {.ns = at.ns, .thread = thread.id, .len8 = sizeof call / 8, .kind = 0};
  call.wall = wall;
  call.cpu = cpu;
  call.ret = result;
  call.nr = static_cast<fdr_u16>(nr);
  const auto& arguments = arguments_[thread.id & FDR_THREAD_SLOT_MASK];
  std::copy(arguments.begin(), arguments.end(), std::begin(call.args));
  call.stack.flags = FDR_STACK_NO_USER;
  if (rings_.may_take(ring, at.slot, sizeof call, at.ns)) rings_.append(ring, at.slot, at.cpu, bytes_of(call), at.ns);
  else rings_.limited(ring, at.slot);
}

void CallAccount::enter(fdr_thread& thread, std::int64_t id, const std::array<std::uint64_t, 6>& arguments, At at) {
  const std::uint32_t nr = number_of(id);
  thread.nr = nr;
  thread.enter_ns = at.ns;
  thread.enter_off_ns = thread.off_ns;
  thread.flags = (thread.flags & ~static_cast<std::uint32_t>(FDR_THREAD_NEW | FDR_THREAD_ATTACHED)) | FDR_THREAD_IN_CALL;
  arguments_[thread.id & FDR_THREAD_SLOT_MASK] = arguments;
  // These never return: counted here.
  if ((id == SYS_exit || id == SYS_exit_group) && !(thread.flags & FDR_THREAD_MUTE)) count(thread, nr, 0, 0, false, false, at);
}

void CallAccount::leave(fdr_thread& thread, std::int64_t id, std::int64_t result, At at) {
  const std::uint32_t flags = thread.flags;
  thread.flags = flags & ~static_cast<std::uint32_t>(FDR_THREAD_IN_CALL | FDR_THREAD_NEW | FDR_THREAD_ATTACHED);
  if (flags & FDR_THREAD_MUTE) return;
  // What rt_sigreturn "returns" is the rax of the context it goes back to.
  const bool goes_back = flags & FDR_THREAD_IN_CALL && thread.nr == SYS_rt_sigreturn;
  const bool failed = !goes_back && result < 0 && result >= -kMostErrno;
  if (!(flags & FDR_THREAD_IN_CALL)) {
    // The parent's clone, seen from the child; else in flight at attach, or its begin was lost: counted, without a time.
    if (!(flags & FDR_THREAD_NEW) && id >= 0) count(thread, number_of(id), 0, 0, failed, false, at);
    return;
  }
  const std::uint32_t nr = thread.nr;
  const std::uint64_t wall = at.ns > thread.enter_ns ? at.ns - thread.enter_ns : 0;
  const std::uint64_t off = thread.off_ns - thread.enter_off_ns;
  const std::uint64_t cpu = off < wall ? wall - off : 0;
  count(thread, nr, wall, cpu, failed, true, at);
  if (single_calls_) single(thread, nr, wall, cpu, result, at);
  const auto error = static_cast<std::uint32_t>(-result);
  if (failed && may_tell_failure(thread.tgid, nr, error, is_quiet(nr, error), at.ns)) detailed(FDR_FAILED, thread, nr, wall, cpu, result, at);
  if (wall >= slow_ns_ && !(traits_[nr & (FDR_SYSCALLS_MAX - 1)] & FDR_TRAIT_WAITS)) detailed(FDR_SLOW, thread, nr, wall, cpu, result, at);
}

}  // namespace fdr
