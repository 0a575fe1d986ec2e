#include "recorder/saved/thin_samples.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

#include "recorder/saved/state_file.hpp"
#include "recorder/window/snapshot.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRead = 16u << 20;          // of records, of a hostile file
constexpr std::size_t kMostThreads = 65'536;
// The kernel's image is far smaller than that, and modules come after it (Documentation/x86/x86_64/mm.rst).
constexpr std::uint64_t kKernelMost = 0x10000000, kModules = 0xffffffffc0000000;

template <class T>
T at(std::string_view bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

std::uint64_t name_hash(const fdr_thread& thread) { return std::hash<std::string_view>()({thread.comm, sizeof thread.comm}) ^ thread.tgid; }

// Without the kernel frames for which `moved` gives 0, the others where it puts them.
std::string with_kernel(std::string_view record, const std::function<std::uint64_t(std::uint64_t)>& moved) {
  auto sample = at<fdr_sample>(record, 0);
  std::string frames;
  for (std::size_t i = 0; i < sample.stack.kernel_frames; ++i) {
    const std::uint64_t frame = moved(at<std::uint64_t>(record, sizeof sample + 8 * i));
    if (frame) frames.append(reinterpret_cast<const char*>(&frame), sizeof frame);
  }
  const std::string_view rest = record.substr(sizeof sample + 8u * sample.stack.kernel_frames);
  sample.stack.kernel_frames = static_cast<fdr_u16>(frames.size() / 8);
  sample.head.len8 = static_cast<fdr_u16>((sizeof sample + frames.size() + rest.size()) / 8);
  return std::string(reinterpret_cast<const char*>(&sample), sizeof sample) + frames + std::string(rest);
}

}  // namespace

std::uint64_t kernel_begin(std::string_view kallsyms) {
  for (std::size_t line = 0; line < kallsyms.size();) {
    const std::size_t end = std::min(kallsyms.find('\n', line), kallsyms.size());
    const std::string_view text = kallsyms.substr(line, end - line);
    line = end + 1;
    if (!text.ends_with(" T _stext")) continue;
    std::uint64_t address = 0;
    std::from_chars(text.data(), text.data() + text.size(), address, 16);
    return address;
  }
  return 0;
}

void SamplePicker::look(const WindowView& window, std::uint32_t slot, std::vector<Found>& found, std::uint64_t& seen) {
  const std::uint64_t newest = __atomic_load_n(&window.cursor(FDR_STACKS, slot).seq, __ATOMIC_ACQUIRE);
  const std::uint64_t since = last_ns_[slot];
  for (std::uint64_t seq = newest > 1 ? newest - 1 : newest; seq != 0 && seq <= newest; ++seq) {
    ChunkCopy copy;
    if (!copy_chunk(window.chunk(FDR_STACKS, slot, seq), seq, FDR_STACK_CHUNK_BYTES - FDR_CHUNK_HEADER, copy_.data(), copy)) continue;
    const std::string_view body(reinterpret_cast<const char*>(copy.body.data()), copy.body.size());
    for (std::size_t from = 0; from + sizeof(fdr_sample) <= body.size();) {
      const auto head = at<fdr_record>(body, from);
      const std::size_t length = std::size_t{head.len8} * 8;
      if (length < sizeof(fdr_sample) || length > body.size() - from) break;
      if (head.ns > since) {
        ++seen;
        last_ns_[slot] = std::max<std::uint64_t>(last_ns_[slot], head.ns);
        if (length <= kMostOfOne) found.push_back({copy.cpu, std::string(body.substr(from, length))});
      }
      from += length;
    }
  }
}

SamplePicker::Slice SamplePicker::pick(const WindowView& window) {
  copy_.resize(FDR_STACK_CHUNK_BYTES);
  last_ns_.resize(window.layout.slots);
  std::vector<Found> found;
  std::uint64_t seen = 0;
  for (std::uint32_t i = 0; i < std::min(window.layout.slots, kMostSlots); ++i) {
    next_slot_ = (next_slot_ + 1) % window.layout.slots;
    look(window, next_slot_, found, seen);
  }
  if (found.empty()) return {};
  StateWriter records, threads;
  std::uint32_t count = 0, told = 0;
  const std::size_t most = std::min(found.size(), kMost);
  for (std::size_t i = 0; i < most; ++i) {
    const Found& one = found[i * found.size() / most];
    if (records.size() + one.record.size() + 4 > kMostBytes) continue;
    records.put(one.cpu);
    records.raw(one.record);
    ++count;
    const auto id = at<fdr_record>(one.record, 0).thread;
    const std::uint32_t slot = id & FDR_THREAD_SLOT_MASK;
    if (slot >= window.layout.threads) continue;
    const fdr_thread thread = window.threads[slot];
    if (thread.id != id) continue;
    const auto [entry, fresh] = told_.try_emplace(id, name_hash(thread));
    if (!fresh && entry->second == name_hash(thread)) continue;
    entry->second = name_hash(thread);
    threads.put(thread);
    ++told;
  }
  StateWriter head, thread_head;
  head.put(seen);
  head.put(count);
  thread_head.put(told);
  return {.samples = head.bytes() + records.bytes(), .threads = told ? thread_head.bytes() + threads.bytes() : std::string()};
}

std::string kernel_payload(const std::string& release, std::uint64_t begin) {
  StateWriter to;
  to.text(release);
  to.put(begin);
  return to.bytes();
}

void ThinSamples::read_kernel(ByteCursor& from) {
  std::string text = get_text(from);
  const auto begin = from.read<std::uint64_t>();
  if (from.failed()) return;
  release = std::move(text);
  kernel_begin = begin;
}

void ThinSamples::read_threads(ByteCursor& from) {
  const std::uint32_t count = get_count(from, sizeof(fdr_thread));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto thread = from.read<fdr_thread>();
    if (!from.failed() && threads.size() < kMostThreads) threads[thread.id] = thread;
  }
}

void ThinSamples::read_records(ByteCursor& from) {
  const auto all = from.read<std::uint64_t>();
  const std::uint32_t count = get_count(from, sizeof(fdr_sample) + 4);
  if (from.failed()) return;
  seen += all;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto cpu = from.read<std::uint32_t>();
    const auto head = from.take(sizeof(fdr_sample));
    if (from.failed() || cpu >= FDR_MAX_CPUS) return;
    std::string record(reinterpret_cast<const char*>(head.data()), head.size());
    const auto sample = at<fdr_sample>(record, 0);
    const std::size_t length = std::size_t{sample.head.len8} * 8;
    if (length < sizeof(fdr_sample) || length > SamplePicker::kMostOfOne) return;
    const auto rest = from.take(length - sizeof(fdr_sample));
    const std::size_t frames = 8u * (std::size_t{sample.stack.kernel_frames} + sample.stack.user_frames);
    if (from.failed() || frames > rest.size() || by_cpu[cpu].size() > kMostRead) return;
    record.append(reinterpret_cast<const char*>(rest.data()), rest.size());
    by_cpu[cpu] += record;
    ++kept;
  }
}

void ThinSamples::move_kernel(std::uint64_t begin) {
  const std::uint64_t from = kernel_begin;
  for (auto& [cpu, records] : by_cpu) {
    std::string moved;
    for (std::size_t i = 0; i < records.size();) {
      const std::size_t length = std::size_t{at<fdr_record>(records, i).len8} * 8;
      moved += with_kernel(std::string_view(records).substr(i, length), [&](std::uint64_t frame) {
        return from && begin && frame >= from && frame < kModules && frame - from < kKernelMost ? frame - from + begin : 0;
      });
      i += length;
    }
    records = std::move(moved);
  }
  kernel_begin = begin;
}

}  // namespace fdr
