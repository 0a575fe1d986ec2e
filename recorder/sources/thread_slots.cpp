#include "recorder/sources/thread_slots.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "formats/clock.hpp"

namespace fdr {
namespace {

constexpr std::uint32_t kSlot = 0;  // of a CPU: lives are told by one writer, whichever CPU they were led on

void put_text(const std::string& text, char* to, std::size_t room) {
  std::memset(to, 0, room);
  std::memcpy(to, text.data(), std::min(text.size(), room - 1));
}

// CLOCK_BOOTTIME of a moment of CLOCK_MONOTONIC, both as they are now.
std::uint64_t boottime_of(std::uint64_t now_ns) {
  const ClockAnchor anchor = ClockAnchor::now();
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(now_ns) + anchor.boottime_ns - anchor.monotonic_ns);
}

}  // namespace

ThreadSlots::ThreadSlots(WindowFile& window) : arrays_(window.arrays()), rings_(window) {
  for (std::uint32_t slot = window.view().layout.threads; slot > 0; --slot) free_.push_back(slot - 1);
}

fdr_thread* ThreadSlots::find(std::int32_t tid) {
  const auto found = slots_.find(tid);
  return found == slots_.end() ? nullptr : &arrays_.threads[found->second];
}

std::vector<std::int32_t> ThreadSlots::live_tids() const {
  std::vector<std::int32_t> tids;
  for (const auto& [tid, slot] : slots_) tids.push_back(tid);
  return tids;
}

fdr_thread* ThreadSlots::attach(std::int32_t tid, std::int32_t tgid, std::uint32_t target, std::uint64_t start_boottime, const std::string& comm, std::uint32_t flags, std::uint64_t now_ns) {
  if (fdr_thread* known = find(tid)) return known;
  if (free_.empty()) {
    ++arrays_.control->slots_exhausted;
    return nullptr;
  }
  const std::uint32_t slot = free_.back();
  free_.pop_back();
  fdr_thread& thread = arrays_.threads[slot];
  const std::uint32_t generation = (thread.id >> FDR_THREAD_SLOT_BITS) + 1;
  thread = {};
  thread.tid = static_cast<std::uint32_t>(tid);
  thread.tgid = static_cast<std::uint32_t>(tgid);
  thread.target = target;
  thread.start_boottime = start_boottime;
  thread.first_ns = now_ns;
  put_text(comm, thread.comm, sizeof thread.comm);
  thread.id = generation << FDR_THREAD_SLOT_BITS | slot;
  thread.flags = FDR_THREAD_USED | flags;
  slots_[tid] = slot;
  processes_[tgid].push_back(tid);
  return &thread;
}

void ThreadSlots::tell(fdr_life_kind kind, fdr_life event, const fdr_thread& thread, std::uint64_t now_ns) {
  const std::size_t length = kind == FDR_LIFE_EXEC ? sizeof event : offsetof(fdr_life, path);
  event.head = {.ns = now_ns, .thread = thread.id, .len8 = static_cast<fdr_u16>(length / 8), .kind = static_cast<fdr_u16>(kind)};
  event.tid = thread.tid;
  event.tgid = thread.tgid;
  event.start_boottime = thread.start_boottime;
  event.target = thread.target;
  std::memcpy(event.comm, thread.comm, sizeof event.comm);
  rings_.append(FDR_LIFE, kSlot, kSlot, {reinterpret_cast<const std::uint8_t*>(&event), length}, now_ns);
}

fdr_thread* ThreadSlots::fork(std::int32_t parent, std::int32_t parent_tgid, std::int32_t tid, std::int32_t tgid, std::uint64_t now_ns) {
  if (fdr_thread* known = find(tid)) return known;
  fdr_thread* from = find(parent);
  if (!from) {  // its own birth was not told: any other of its process will do
    const auto process = processes_.find(parent_tgid);
    if (process == processes_.end() || process->second.empty()) return nullptr;
    from = find(process->second.front());
  }
  const fdr_thread parent_thread = *from;
  const std::string comm(parent_thread.comm, strnlen(parent_thread.comm, sizeof parent_thread.comm));
  fdr_thread* thread = attach(tid, tgid, parent_thread.target, boottime_of(now_ns), comm, FDR_THREAD_NEW | (parent_thread.flags & FDR_THREAD_MUTE), now_ns);
  if (!thread) return nullptr;
  thread->space = parent_thread.space;  // the same mappings, for a thread or (still) for a process
  fdr_life event{};
  event.parent_tgid = parent_thread.tgid;
  event.parent_thread = parent_thread.id;
  tell(FDR_LIFE_FORK, event, *thread, now_ns);
  return thread;
}

void ThreadSlots::exec(std::int32_t tgid, const std::string& comm, const std::string& path, std::uint64_t now_ns) {
  const auto process = processes_.find(tgid);
  if (process == processes_.end() || process->second.empty()) return;
  std::int32_t old_tid = tgid;
  if (!slots_.contains(tgid)) {
    old_tid = process->second.front();
    slots_[tgid] = slots_[old_tid];
    slots_.erase(old_tid);
    std::replace(process->second.begin(), process->second.end(), old_tid, tgid);
  }
  fdr_thread& thread = *find(tgid);
  thread.tid = static_cast<std::uint32_t>(tgid);
  thread.space = 0;
  thread.flags &= ~static_cast<std::uint32_t>(FDR_THREAD_MUTE);
  put_text(comm, thread.comm, sizeof thread.comm);
  fdr_life event{};
  event.old_tid = static_cast<std::uint32_t>(old_tid);
  put_text(path, event.path, sizeof event.path);
  tell(FDR_LIFE_EXEC, event, thread, now_ns);
}

void ThreadSlots::exit(std::int32_t tid, std::int32_t wait_status, Times times, std::uint64_t now_ns) {
  fdr_thread* thread = find(tid);
  if (!thread) return;
  if (thread->on_ns && now_ns > thread->on_ns) thread->cpu_ns += now_ns - thread->on_ns;
  thread->on_ns = now_ns;
  thread->flags |= FDR_THREAD_EXITED;
  fdr_life event{};
  event.group_dead = forget(*thread);
  event.exit_code = wait_status;
  if (event.group_dead) {
    event.user_ns = times.user_ns;
    event.system_ns = times.system_ns;
  }
  tell(FDR_LIFE_EXIT, event, *thread, now_ns);
}

void ThreadSlots::rename(std::int32_t tid, const std::string& comm) {
  if (fdr_thread* thread = find(tid)) put_text(comm, thread->comm, sizeof thread->comm);
}

bool ThreadSlots::forget(const fdr_thread& thread) {
  const auto tid = static_cast<std::int32_t>(thread.tid);
  slots_.erase(tid);
  const auto process = processes_.find(static_cast<std::int32_t>(thread.tgid));
  if (process == processes_.end()) return false;
  std::erase(process->second, tid);
  if (!process->second.empty()) return false;
  processes_.erase(process);
  return true;
}

void ThreadSlots::release(std::uint32_t slot) {
  const fdr_thread& thread = arrays_.threads[slot];
  if (const auto known = slots_.find(static_cast<std::int32_t>(thread.tid)); known != slots_.end() && known->second == slot) forget(thread);
  free_.insert(free_.begin(), slot);
}

}  // namespace fdr
