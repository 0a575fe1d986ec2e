#include "recorder/sources/perf_records.hpp"

#include <fmt/format.h>
#include <linux/perf_event.h>
#include <sys/mman.h>

#include <array>
#include <cstring>

#include "formats/byte_cursor.hpp"
#include "recorder/window/wire.h"

namespace fdr {
namespace {

// Bit of the mask and where the value goes, in ascending order: that of the sample.
constexpr std::array<std::pair<unsigned, std::uint64_t UserRegisters::*>, 8> kRegisters = {{
    {1, &UserRegisters::bx}, {6, &UserRegisters::bp}, {7, &UserRegisters::sp}, {8, &UserRegisters::ip},
    {20, &UserRegisters::r12}, {21, &UserRegisters::r13}, {22, &UserRegisters::r14}, {23, &UserRegisters::r15},
}};
constexpr std::uint64_t kMostChain = 1024;  // kernel.perf_event_max_stack is 127, and may be raised
constexpr std::size_t kBuildIdBytes = 20;

std::string_view text_of(ByteCursor& cursor, std::size_t bytes) {
  const auto room = cursor.take(bytes);
  const auto* const begin = reinterpret_cast<const char*>(room.data());
  return {begin, room.empty() ? 0 : strnlen(begin, room.size())};
}

std::size_t tail_bytes(PerfForm form) { return form == PerfForm::kTimeOnly ? 8 : 24; }

// sample_id_all: TID, TIME, CPU (or TIME alone) at the end of each record that is no sample.
void read_tail(std::span<const std::uint8_t> record, PerfForm form, PerfRecord& to) {
  ByteCursor tail(record.last(tail_bytes(form)));
  if (form == PerfForm::kTimeOnly) {
    to.time_ns = tail.read<std::uint64_t>();
    return;
  }
  to.pid = tail.read<std::int32_t>();
  to.tid = tail.read<std::int32_t>();
  to.time_ns = tail.read<std::uint64_t>();
  to.cpu = tail.read<std::uint32_t>();
}

void read_chain(ByteCursor& cursor, PerfRecord& to) {
  const auto count = cursor.read<std::uint64_t>();
  if (count > kMostChain) {
    cursor.take(SIZE_MAX);
    return;
  }
  bool kernel = false;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto address = cursor.read<std::uint64_t>();
    if (address >= static_cast<std::uint64_t>(PERF_CONTEXT_MAX)) kernel = address == static_cast<std::uint64_t>(PERF_CONTEXT_KERNEL);
    else if (kernel && to.kernel_frames.size() < FDR_KERNEL_FRAMES) to.kernel_frames.push_back(address);
  }
}

void read_user_side(ByteCursor& cursor, PerfRecord& to) {
  if (cursor.read<std::uint64_t>() != PERF_SAMPLE_REGS_ABI_NONE) {
    to.has_registers = true;
    for (const auto& [bit, member] : kRegisters) to.registers.*member = cursor.read<std::uint64_t>();
  }
  const auto bytes = cursor.read<std::uint64_t>();
  if (!bytes) return;
  const auto room = cursor.take(bytes);
  const auto used = cursor.read<std::uint64_t>();
  if (cursor.failed() || used > room.size()) {
    cursor.take(SIZE_MAX);
    return;
  }
  to.stack = room.first(used & ~std::uint64_t{7});
  to.stack_whole = used < room.size();  // the copy ended where the next page is not there
}

void read_sample(ByteCursor& cursor, PerfForm form, std::uint16_t misc, PerfRecord& to) {
  to.kind = PerfRecord::kSample;
  to.in_kernel = (misc & PERF_RECORD_MISC_CPUMODE_MASK) == PERF_RECORD_MISC_KERNEL;
  if (form == PerfForm::kStack) to.ip = cursor.read<std::uint64_t>();
  to.pid = cursor.read<std::int32_t>();
  to.tid = cursor.read<std::int32_t>();
  to.time_ns = cursor.read<std::uint64_t>();
  to.cpu = cursor.read<std::uint32_t>();
  cursor.take(4);
  if (form == PerfForm::kStack) read_chain(cursor, to);
  if (form != PerfForm::kPlain) to.raw = cursor.take(cursor.read<std::uint32_t>());
  if (form == PerfForm::kStack) read_user_side(cursor, to);
}

void read_map(ByteCursor& cursor, std::uint16_t misc, std::size_t tail, PerfRecord& to) {
  to.pid = cursor.read<std::int32_t>();
  cursor.take(4);
  to.address = cursor.read<std::uint64_t>();
  to.length = cursor.read<std::uint64_t>();
  to.page_offset = cursor.read<std::uint64_t>();
  const auto id = cursor.take(24);  // device, inode, generation; or, since 5.12, a length and the build-id
  const auto protection = cursor.read<std::uint32_t>();
  cursor.take(4);
  if (cursor.left() < tail) return;
  to.text = text_of(cursor, cursor.left() - tail);
  if (cursor.failed() || !(protection & PROT_EXEC) || to.length == 0 || to.address + to.length < to.address) return;
  if (misc & PERF_RECORD_MISC_MMAP_BUILD_ID && id[0] <= kBuildIdBytes) to.build_id = id.subspan(4, id[0]);
  to.kind = PerfRecord::kMap;
}

void read_task(ByteCursor& cursor, PerfRecord::Kind kind, PerfRecord& to) {
  to.pid = cursor.read<std::int32_t>();
  to.parent_pid = cursor.read<std::int32_t>();
  to.tid = cursor.read<std::int32_t>();
  to.parent_tid = cursor.read<std::int32_t>();
  to.time_ns = cursor.read<std::uint64_t>();
  to.kind = kind;
}

}  // namespace

std::uint64_t perf_register_mask() {
  std::uint64_t mask = 0;
  for (const auto& [bit, member] : kRegisters) mask |= std::uint64_t{1} << bit;
  return mask;
}

std::optional<PerfRecord> read_perf_record(std::span<const std::uint8_t> record, PerfForm form) {
  ByteCursor cursor(record);
  const auto header = cursor.read<perf_event_header>();
  if (cursor.failed() || header.size != record.size()) return std::nullopt;
  PerfRecord read;
  if (header.type == PERF_RECORD_SAMPLE) {
    read_sample(cursor, form, header.misc, read);
    return cursor.failed() ? std::nullopt : std::optional(std::move(read));
  }
  const std::size_t tail = tail_bytes(form);
  if (record.size() < sizeof header + tail) return std::nullopt;
  read_tail(record, form, read);
  switch (header.type) {
    case PERF_RECORD_MMAP2: read_map(cursor, header.misc, tail, read); break;
    case PERF_RECORD_COMM:
      read.pid = cursor.read<std::int32_t>();
      read.tid = cursor.read<std::int32_t>();
      if (cursor.left() < tail) return std::nullopt;
      read.text = text_of(cursor, cursor.left() - tail);
      read.exec = header.misc & PERF_RECORD_MISC_COMM_EXEC;
      read.kind = PerfRecord::kComm;
      break;
    case PERF_RECORD_FORK: read_task(cursor, PerfRecord::kFork, read); break;
    case PERF_RECORD_EXIT: read_task(cursor, PerfRecord::kExit, read); break;
    case PERF_RECORD_SWITCH:
      read.kind = header.misc & PERF_RECORD_MISC_SWITCH_OUT ? PerfRecord::kSwitchOut : PerfRecord::kSwitchIn;
      read.preempted = header.misc & PERF_RECORD_MISC_SWITCH_OUT_PREEMPT;
      break;
    case PERF_RECORD_LOST:
      cursor.take(8);
      read.lost = cursor.read<std::uint64_t>();
      read.kind = PerfRecord::kLost;
      break;
    default: break;
  }
  return cursor.failed() ? std::nullopt : std::optional(std::move(read));
}

std::uint64_t perf_time(std::span<const std::uint8_t> record, PerfForm form) {
  perf_event_header header{};
  if (record.size() < sizeof header) return 0;
  std::memcpy(&header, record.data(), sizeof header);
  const std::size_t tail = tail_bytes(form);
  std::size_t at = form == PerfForm::kTimeOnly ? sizeof header : sizeof header + 8 + (form == PerfForm::kStack ? 8 : 0);
  if (header.type != PERF_RECORD_SAMPLE) at = record.size() < tail ? record.size() : record.size() - tail + (form == PerfForm::kTimeOnly ? 0 : 8);
  std::uint64_t time = 0;
  if (at + sizeof time <= record.size()) std::memcpy(&time, record.data() + at, sizeof time);
  return time;
}

std::uint16_t tracepoint_of(const PerfRecord& sample) { return ByteCursor(sample.raw).read<std::uint16_t>(); }

Mapping mapping_of(const PerfRecord& map) {
  Module module;
  module.path = map.text;
  if (module.path == "[vdso]") {
    module.kind = ModuleKind::kVdso;
  } else if (module.path.empty() || module.path[0] != '/' || module.path.starts_with("//anon") || module.path.starts_with("/memfd:")) {
    module.kind = ModuleKind::kAnonymous;
    module.path = "[anon]";
  }
  for (const std::uint8_t byte : map.build_id) module.build_id += fmt::format("{:02x}", byte);
  return {.start = map.address, .end = map.address + map.length, .file_offset = map.page_offset, .module = std::move(module), .since = from_ns(map.time_ns)};
}

}  // namespace fdr
