#include "unwind/live/goroutines.hpp"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "unwind/byte_reader.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMaxLength = 1ull << 32, kMaxLooked = 2'000'000;  // of allgs: dead ones stay in it for ever
constexpr std::size_t kAtOnce = 1024;
constexpr std::size_t kChunk = 1024;            // of a stack
constexpr int kRounds = 8;
constexpr std::uint32_t kRunnable = 1, kSyscall = 3, kWaiting = 4, kDead = 6, kPreempted = 9, kScan = 0x1000;

struct Slice {
  std::uint64_t data = 0, length = 0;
};

template <class T>
T field(std::span<const std::uint8_t> g, std::uint64_t offset) {
  return ByteReader(g).read<T>(offset).value_or(T{});
}

struct Place {
  std::uint64_t sp = 0, pc = 0;
};

// Where it left off; nothing for one that runs, or whose stack is being moved.
Place place_of(std::span<const std::uint8_t> g, const GoLayout& layout) {
  switch (field<std::uint32_t>(g, layout.status) & ~kScan) {
    case kRunnable:
    case kWaiting:
    case kPreempted:
      return {field<std::uint64_t>(g, layout.sched_sp), field<std::uint64_t>(g, layout.sched_pc)};
    case kSyscall:
      return {field<std::uint64_t>(g, layout.syscall_sp), field<std::uint64_t>(g, layout.syscall_pc)};
    default:
      return {};
  }
}

class Reader {
 public:
  Reader(const GoRuntime& runtime, const GoPclntab& table, const RemoteMemory& memory)
      : runtime_(runtime), table_(table), memory_(memory) {}

  // `addresses`: of structs g, at most kAtOnce.
  void read(std::span<const std::uint64_t> addresses, Goroutines& to) {
    const std::vector<std::uint8_t> first = structs(addresses), none;
    std::vector<Walk> walks;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      if (!whole_[i]) {
        ++to.unread;
        continue;
      }
      const auto g = at(first, i);
      const std::uint32_t status = field<std::uint32_t>(g, runtime_.g.status) & ~kScan;
      if (status == 0 || status == kDead) continue;
      walks.push_back({i, to.all.size(), place_of(g, runtime_.g), field<std::uint64_t>(g, runtime_.g.stack_high)});
      Goroutine& one = to.all.emplace_back();
      one.id = field<std::uint64_t>(g, runtime_.g.id);
      one.status = status;
      one.wait_reason = field<std::uint8_t>(g, runtime_.g.wait_reason);
      one.wait_since = status == kWaiting ? field<std::uint64_t>(g, runtime_.g.wait_since) : 0;
      one.go_pc = field<std::uint64_t>(g, runtime_.g.go_pc);
      one.start_pc = field<std::uint64_t>(g, runtime_.g.start_pc);
    }
    walk(walks, to.all);
    // Whoever has moved on meanwhile has left a stack behind that belongs to nobody.
    const std::vector<std::uint8_t> second = structs(addresses);
    for (const Walk& walk : walks) {
      const Place before = place_of(at(first, walk.index), runtime_.g), after = place_of(at(second, walk.index), runtime_.g);
      if (whole_[walk.index] && before.sp == after.sp && before.pc == after.pc) continue;
      to.all[walk.goroutine].frames.clear();
      to.all[walk.goroutine].walked = false;
    }
  }

 private:
  struct Walk {
    std::size_t index = 0, goroutine = 0;
    Place place;
    std::uint64_t stack_high = 0;
    bool over = false;
  };
  // What a frame is, by its return address.
  struct Frame {
    std::int64_t moved = -1;  // sp; -1: not known
    bool top = false;
  };

  std::span<const std::uint8_t> at(std::span<const std::uint8_t> bytes, std::size_t index) const {
    return bytes.subspan(index * runtime_.g.size, runtime_.g.size);
  }

  std::vector<std::uint8_t> structs(std::span<const std::uint64_t> addresses) {
    std::vector<std::uint8_t> bytes(addresses.size() * runtime_.g.size);
    std::vector<RemotePart> parts;
    for (std::size_t i = 0; i < addresses.size(); ++i)
      parts.push_back({addresses[i], std::span(bytes).subspan(i * runtime_.g.size, runtime_.g.size)});
    memory_(parts);
    whole_.clear();
    for (const RemotePart& part : parts) whole_.push_back(part.whole);
    return bytes;
  }

  const Frame& frame_at(std::uint64_t pc) {
    const auto [known, fresh] = frames_.try_emplace(pc);
    if (!fresh) return known->second;
    const std::uint64_t vaddr = pc - 1 - runtime_.bias;
    const auto function = table_.find(vaddr);
    if (!function) return known->second;
    known->second.top = function->flags & kGoTopFrame || function->name.starts_with("runtime.goexit");
    GoValues values(*function);
    while (values.next() && values.start < function->end)
      if (vaddr < values.end) {
        known->second.moved = values.value;
        break;
      }
    return known->second;
  }

  // All of them a chunk further at a time.
  void walk(std::vector<Walk>& walks, std::vector<Goroutine>& all) {
    std::vector<std::uint8_t> bytes(walks.size() * kChunk);
    for (Walk& walk : walks) walk.over = walk.place.pc == 0;
    for (int round = 0; round < kRounds; ++round) {
      std::vector<RemotePart> parts;
      std::vector<Walk*> owners;
      for (Walk& walk : walks) {
        if (walk.over) continue;
        walk.over = walk.place.sp % 8 != 0 || walk.place.sp >= walk.stack_high || walk.place.sp < kChunk;
        if (walk.over) continue;
        const std::uint64_t length = std::min<std::uint64_t>(kChunk, walk.stack_high - walk.place.sp);
        parts.push_back({walk.place.sp, std::span(bytes).subspan(parts.size() * kChunk, length)});
        owners.push_back(&walk);
      }
      if (parts.empty()) return;
      memory_(parts);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        if (parts[i].whole)
          climb(*owners[i], parts[i].to, all[owners[i]->goroutine]);
        else
          owners[i]->over = true;
      }
    }
  }

  void climb(Walk& walk, std::span<const std::uint8_t> stack, Goroutine& to) {
    const std::uint64_t bottom = walk.place.sp;
    while (to.frames.size() < kMaxGoFrames) {
      const Frame& frame = frame_at(walk.place.pc);
      if (frame.top) to.walked = true;
      if (frame.top || frame.moved < 0 || frame.moved % 8 != 0) break;
      const std::uint64_t slot = walk.place.sp - bottom + static_cast<std::uint64_t>(frame.moved);
      const auto back = ByteReader(stack).read<std::uint64_t>(slot);
      if (!back) {
        // The rest is in the next chunk; a frame that is larger than a chunk is stepped over with the place before it.
        if (slot >= kChunk && bottom == walk.place.sp) return skip(walk, static_cast<std::uint64_t>(frame.moved), to);
        return;
      }
      to.frames.push_back(walk.place.pc - 1);
      walk.place = {bottom + slot + 8, *back};
    }
    walk.over = true;
  }

  void skip(Walk& walk, std::uint64_t moved, Goroutine& to) {
    const std::uint64_t slot = walk.place.sp + moved;
    const auto back = slot < walk.stack_high ? read_remote<std::uint64_t>(memory_, slot) : std::nullopt;
    walk.over = !back;
    if (!back) return;
    to.frames.push_back(walk.place.pc - 1);
    walk.place = {slot + 8, *back};
  }

  const GoRuntime& runtime_;
  const GoPclntab& table_;
  const RemoteMemory& memory_;
  std::vector<bool> whole_;
  std::unordered_map<std::uint64_t, Frame> frames_;
};

std::vector<std::uint64_t> addresses_of(const Slice& all, std::uint64_t from, std::uint64_t count,
                                        const RemoteMemory& memory) {
  std::vector<std::uint64_t> addresses(count);
  RemotePart part{all.data + from * 8, {reinterpret_cast<std::uint8_t*>(addresses.data()), count * 8}};
  memory({&part, 1});
  if (!part.whole) addresses.clear();
  return addresses;
}

}  // namespace

Goroutines read_goroutines(const GoRuntime& runtime, const GoPclntab& table, const RemoteMemory& memory) {
  Goroutines found;
  found.problem = runtime.problem;
  if (!found.problem.empty()) return found;
  const auto all = read_remote<Slice>(memory, runtime.all_goroutines);
  if (!all || all->length > kMaxLength) {
    found.problem = all ? "runtime.allgs does not hold together" : "its memory cannot be read";
    return found;
  }
  found.in_all = all->length;
  Reader reader(runtime, table, memory);
  const std::uint64_t looked = std::min(all->length, kMaxLooked);
  for (std::uint64_t from = 0; from < looked && found.all.size() <= kMaxGoroutines; from += kAtOnce) {
    const std::uint64_t count = std::min<std::uint64_t>(kAtOnce, looked - from);
    const auto addresses = addresses_of(*all, from, count, memory);
    if (addresses.empty()) found.unread += count;
    reader.read(addresses, found);
  }
  found.cut = found.all.size() > kMaxGoroutines || looked < all->length;
  if (found.all.size() > kMaxGoroutines) found.all.resize(kMaxGoroutines);
  return found;
}

std::optional<std::uint64_t> count_goroutines(const GoRuntime& runtime, const RemoteMemory& memory) {
  if (!runtime.problem.empty()) return std::nullopt;
  Slice all;
  std::vector<std::uint32_t> others(runtime.not_counted.size());
  std::vector<RemotePart> parts = {{runtime.all_goroutines, {reinterpret_cast<std::uint8_t*>(&all), sizeof all}}};
  for (std::size_t i = 0; i < others.size(); ++i)
    parts.push_back({runtime.not_counted[i], {reinterpret_cast<std::uint8_t*>(&others[i]), sizeof others[i]}});
  memory(parts);
  if (!std::all_of(parts.begin(), parts.end(), [](const RemotePart& part) { return part.whole; })) return std::nullopt;
  if (!others.empty()) {
    std::int64_t count = static_cast<std::int64_t>(all.length);
    for (const std::uint32_t other : others) count -= static_cast<std::int32_t>(other);
    return all.length <= kMaxLength ? std::optional(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 1)))
                                    : std::nullopt;
  }
  if (all.length > kMaxCountedOneByOne) return std::nullopt;
  const auto addresses = addresses_of(all, 0, all.length, memory);
  std::vector<std::uint32_t> statuses(addresses.size(), kDead);
  parts.clear();
  for (std::size_t i = 0; i < addresses.size(); ++i)
    parts.push_back({addresses[i] + runtime.g.status, {reinterpret_cast<std::uint8_t*>(&statuses[i]), 4}});
  memory(parts);
  return static_cast<std::uint64_t>(std::count_if(statuses.begin(), statuses.end(), [](std::uint32_t status) {
    return (status & ~kScan) != 0 && (status & ~kScan) != kDead;
  }));
}

}  // namespace fdr
