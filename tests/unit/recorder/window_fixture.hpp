// A window over plain memory, written as the BPF programs write theirs (recorder/bpf/ring.h): the same stores in the
// same order, one writer for each ring and slot, readers at any time. Also the records themselves, as bytes. Owns its
// memory; views stay valid.
#pragma once

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "recorder/window/window.hpp"

namespace fdr::test {

using Bytes = std::vector<std::uint8_t>;

class MemoryWindow {
 public:
  explicit MemoryWindow(WindowLayout layout) {
    view_.layout = layout;
    for (int ring = 0; ring < FDR_RINGS; ++ring) {
      rings_[ring].resize(std::size_t{layout.chunks[ring]} * layout.slots * chunk_bytes(ring));
      view_.rings[ring] = rings_[ring].data();
    }
    cursors_.resize(std::size_t{FDR_RINGS} * layout.slots);
    threads_.resize(layout.threads);
    parked_.resize(FDR_PARKED);
    summary_.resize(std::size_t{FDR_SUMMARY_ROW} * layout.slots);
    cpus_.resize(layout.slots);
    rows_.resize(layout.rows);
    spaces_.resize(layout.spaces);
    view_.cursors = cursors_.data();
    view_.threads = threads_.data();
    view_.parked = parked_.data();
    view_.summary = summary_.data();
    view_.cpus = cpus_.data();
    view_.rows = rows_.data();
    view_.spaces = spaces_.data();
    view_.control = &control_;
  }
  MemoryWindow(const MemoryWindow&) = delete;

  // Few small chunks: enough to wrap with a few thousand records.
  static WindowLayout small(std::uint32_t slots = 1, std::uint32_t chunks = 4) {
    WindowLayout layout;
    layout.slots = slots;
    layout.threads = 64;
    layout.chunks.fill(chunks);
    return layout;
  }

  const WindowView& view() const { return view_; }
  fdr_cursor& cursor(int ring, std::uint32_t slot = 0) { return cursors_[ring * view_.layout.slots + slot]; }
  fdr_chunk_header* chunk(int ring, std::uint32_t slot, std::uint64_t seq) {
    return const_cast<fdr_chunk_header*>(view_.chunk(ring, slot, seq));
  }
  fdr_thread& thread(std::uint32_t slot) { return threads_[slot]; }

  // What the writer asks to be free before it begins a record: the longest of its ring.
  static std::uint32_t room(int ring) {
    switch (ring) {
      case FDR_STACKS:
        return sizeof(fdr_sample) + FDR_STACK_ROOM(FDR_COPY_MAX);
      case FDR_STALLS:
        return sizeof(fdr_stall) + FDR_STACK_ROOM(FDR_COPY_SMALL);
      case FDR_SYSCALLS:
        return sizeof(fdr_syscall);
      case FDR_LIFE:
        return sizeof(fdr_life);
      default:
        return sizeof(fdr_call) + FDR_STACK_ROOM(FDR_COPY_SMALL);
    }
  }

  // A fresh chunk: emptied, then named by its new number, then given to readers by the cursor.
  fdr_chunk_header* recycle(int ring, std::uint32_t slot, std::uint64_t now) {
    fdr_cursor& place = cursor(ring, slot);
    const std::uint64_t seq = place.seq + 1;
    fdr_chunk_header* head = chunk(ring, slot, seq);
    __atomic_store_n(&head->used, 0u, __ATOMIC_RELEASE);
    __atomic_store_n(&head->seq, seq, __ATOMIC_RELEASE);
    head->first_ns = now;
    head->cpu = 100 + slot;
    place.used = 0;
    __atomic_store_n(&place.seq, seq, __ATOMIC_RELEASE);
    return head;
  }

  void write(int ring, std::uint32_t slot, std::uint64_t now, std::span<const std::uint8_t> record) {
    fdr_cursor& place = cursor(ring, slot);
    const std::uint32_t body = chunk_bytes(ring) - FDR_CHUNK_HEADER;
    fdr_chunk_header* head = chunk(ring, slot, place.seq);
    if (place.seq == 0 || place.used > body - std::max<std::size_t>(room(ring), record.size()))
      head = recycle(ring, slot, now);
    asm volatile("" ::: "memory");
    std::memcpy(reinterpret_cast<std::uint8_t*>(head) + FDR_CHUNK_HEADER + place.used, record.data(), record.size());
    const auto used = static_cast<std::uint32_t>(place.used + record.size());
    __atomic_store_n(&head->used, used, __ATOMIC_RELEASE);
    place.used = used;
    ++place.recorded;
  }

  // As the programs count a call: in its own cell, or where there is none by number for all.
  fdr_summary_cell& summary(std::uint32_t tgid, std::uint16_t nr, std::uint32_t slot = 0) {
    const std::uint64_t key = std::uint64_t{tgid} << 32 | 1u << 31 | nr;
    const std::size_t row = std::size_t{slot} * FDR_SUMMARY_ROW;
    for (std::size_t i = 0; i < FDR_SUMMARY_CELLS; ++i)
      if (summary_[row + i].key == key) return summary_[row + i];
    for (std::size_t i = 0; i < FDR_SUMMARY_CELLS; ++i)
      if (!summary_[row + i].key) return summary_[row + i].key = key, summary_[row + i];
    return others(nr, slot);
  }
  fdr_summary_cell& others(std::uint16_t nr, std::uint32_t slot = 0) {
    return summary_[std::size_t{slot} * FDR_SUMMARY_ROW + FDR_SUMMARY_CELLS + (nr & (FDR_SYSCALLS_MAX - 1))];
  }
  std::size_t cells_in_use() const {
    std::size_t count = 0;
    for (const fdr_summary_cell& cell : summary_) count += cell.key != 0;
    return count;
  }

 private:
  WindowView view_;
  std::array<std::vector<std::uint8_t>, FDR_RINGS> rings_;
  std::vector<fdr_cursor> cursors_;
  std::vector<fdr_thread> threads_;
  std::vector<fdr_parked> parked_;
  std::vector<fdr_summary_cell> summary_;
  std::vector<fdr_cpu> cpus_;
  std::vector<fdr_row> rows_;
  std::vector<fdr_space> spaces_;
  fdr_control control_{};
};

template <class Fixed>
void append(Bytes& bytes, const Fixed& part, std::size_t length = sizeof(Fixed)) {
  const auto* from = reinterpret_cast<const std::uint8_t*>(&part);
  bytes.insert(bytes.end(), from, from + length);
}

// Sets the length that the record's header gives.
inline Bytes sealed(Bytes record) {
  const auto len8 = static_cast<std::uint16_t>(record.size() / 8);
  std::memcpy(record.data() + offsetof(fdr_record, len8), &len8, sizeof len8);
  return record;
}

// A stack that was walked by rows (`user`), or one that was copied (`bytes`, from sp on).
struct StackData {
  std::uint8_t flags = 0, end = FDR_WALK_ON;
  std::uint64_t ip = 0, sp = 0;
  std::vector<std::uint64_t> kernel, user;
  Bytes bytes;

  fdr_stack header() const {
    fdr_stack stack{};
    stack.kernel_frames = static_cast<std::uint16_t>(kernel.size());
    stack.user_frames = static_cast<std::uint16_t>(user.size());
    stack.flags = flags | (bytes.empty() ? 0 : FDR_STACK_COPIED);
    stack.end = end;
    stack.words = static_cast<std::uint16_t>(bytes.size() / 8);
    return stack;
  }
  void append_to(Bytes& record) const {
    append(record, header());
    append_data_to(record);
  }
  void append_data_to(Bytes& record) const {
    for (const std::uint64_t address : kernel) append(record, address);
    for (const std::uint64_t address : user) append(record, address);
    if (bytes.empty()) return;
    append(record, fdr_registers{.ip = ip, .sp = sp, .bp = 0, .bx = 0, .r12 = 0, .r13 = 0, .r14 = 0, .r15 = 0});
    record.insert(record.end(), bytes.begin(), bytes.end());
  }
};

inline Bytes sample_record(std::uint64_t ns, std::uint32_t thread, const StackData& stack) {
  Bytes record;
  append(record, fdr_record{ns, thread, 0, 0});
  stack.append_to(record);
  return sealed(record);
}

inline Bytes stall_record(std::uint64_t end_ns, std::uint32_t thread, std::uint16_t kind, std::uint64_t length_ns,
                          std::int32_t syscall, const StackData* stack = nullptr) {
  fdr_stall stall{};
  stall.head = {end_ns, thread, 0, kind};
  stall.length_ns = length_ns;
  stall.syscall = syscall;
  stall.has_stack = stack != nullptr;
  Bytes record;
  append(record, stall, offsetof(fdr_stall, stack));
  if (stack) stack->append_to(record);
  return sealed(record);
}

// Without a stack: memory that was given back.
inline Bytes growth_record(std::uint64_t ns, std::uint32_t thread, std::uint16_t kind, std::uint64_t address, std::uint64_t bytes,
                           const StackData* stack) {
  fdr_growth growth{};
  growth.head = {ns, thread, 0, kind};
  growth.address = address;
  growth.bytes = bytes;
  Bytes record;
  append(record, growth, offsetof(fdr_growth, stack));
  if (stack) stack->append_to(record);
  return sealed(record);
}

inline Bytes call_record(fdr_call call, const StackData& stack) {
  Bytes record;
  call.stack = stack.header();
  append(record, call);
  stack.append_data_to(record);
  return sealed(record);
}

inline Bytes bytes_of(const fdr_syscall& call) {
  Bytes record;
  append(record, call);
  return record;
}

// Short without a path, as fork and exit are written.
inline Bytes life_record(fdr_life event) {
  Bytes record;
  append(record, event, event.head.kind == FDR_LIFE_EXEC ? sizeof event : offsetof(fdr_life, path));
  return sealed(record);
}

inline fdr_life life_event(std::uint16_t kind, std::uint64_t ns, std::uint32_t thread, std::uint32_t tgid,
                           std::uint32_t tid = 0, const std::string& comm = "worker") {
  fdr_life event{};
  event.head = {ns, thread, 0, kind};
  event.tgid = tgid;
  event.tid = tid ? tid : tgid;
  comm.copy(event.comm, sizeof event.comm);
  return event;
}

constexpr std::uint32_t thread_id(std::uint32_t generation, std::uint32_t slot) {
  return generation << FDR_THREAD_SLOT_BITS | slot;
}

}  // namespace fdr::test
