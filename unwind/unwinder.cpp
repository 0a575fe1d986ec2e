#include "unwind/unwinder.hpp"

#include <libunwind.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "formats/error.hpp"
#include "unwind/byte_reader.hpp"
#include "unwind/eh_frame_header.hpp"
#include "unwind/row.h"

// Exported by libunwind, but not declared in its headers: finds the entry for `ip` in a sorted table and parses its
// FDE.
extern "C" int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t, unw_word_t ip, unw_dyn_info_t*, unw_proc_info_t*,
                                                  int need_unwind_info, void* argument);

namespace fdr {

namespace {

// A DWARF expression may jump backwards: what bounds a hostile one is the number of reads it may make. Honest steps
// need a few hundred.
constexpr int kMaxReadsPerStep = 20'000;
// An address this far above sp is not on the same stack any more.
constexpr std::uint64_t kStackReach = 64u << 20;
constexpr std::size_t kMaxSpaces = 64;

constexpr std::array<unw_regnum_t, 6> kSavedRegisters = {UNW_X86_64_RBX, UNW_X86_64_RBP, UNW_X86_64_R12,
                                                         UNW_X86_64_R13, UNW_X86_64_R14, UNW_X86_64_R15};

// nullptr for a register that a sample does not have.
std::uint64_t* register_of(UserRegisters& registers, unw_regnum_t number) {
  switch (number) {
    case UNW_X86_64_RIP:
      return &registers.ip;
    case UNW_X86_64_RSP:
      return &registers.sp;
    case UNW_X86_64_RBP:
      return &registers.bp;
    case UNW_X86_64_RBX:
      return &registers.bx;
    case UNW_X86_64_R12:
      return &registers.r12;
    case UNW_X86_64_R13:
      return &registers.r13;
    case UNW_X86_64_R14:
      return &registers.r14;
    case UNW_X86_64_R15:
      return &registers.r15;
    default:
      return nullptr;
  }
}

// Where one file lies in the process: address = bias + vaddr.
struct LoadedImage {
  const ElfImage* image = nullptr;
  std::uint64_t bias = 0;
  std::uint64_t begin = 0, end = 0;  // addresses of its code
  std::optional<EhFrameHeader> header;
};

// One process: libunwind's cache of parsed rules is valid as long as the epoch is.
struct SpaceState {
  unw_addr_space_t handle = nullptr;
  std::uint64_t epoch = 0;
  std::vector<LoadedImage> images;  // by begin; their code does not overlap
  std::size_t last_read = 0;        // index of the image whose tables were read last

  SpaceState() = default;
  SpaceState(const SpaceState&) = delete;
  SpaceState& operator=(const SpaceState&) = delete;
  ~SpaceState() {
    if (handle) unw_destroy_addr_space(handle);
  }
};

// What libunwind's callbacks see of one walk.
struct Walk {
  ModuleFiles& files;
  SpaceState& state;
  const AddressSpace& space;
  const StackCopy& copy;
  Timestamp time;
  UserRegisters registers;  // of the frame the cursor was started from

  // Slots below the leaf's sp. In an epilogue, behind `pop %rbx`, the tables still say that rbx was saved there; it is
  // back in its register already, and the slot was not copied. So such a slot reads as the register.
  struct RestoredSlot {
    std::uint64_t address, value;
  };
  std::vector<RestoredSlot> restored;

  WalkEnd failure = WalkEnd::kCount;  // why a callback refused; kCount: none did
  int reads_left = 0;

  bool stack_word(std::uint64_t address, std::uint64_t& value) const;
  const LoadedImage* image_at(std::uint64_t address);
  int find_proc_info(std::uint64_t ip, unw_proc_info_t* info, int need_unwind_info);
  int read(std::uint64_t address, std::uint64_t& value);
};

bool Walk::stack_word(std::uint64_t address, std::uint64_t& value) const {
  const std::uint64_t base = copy.registers.sp;
  if (address < base) return false;
  const auto word = ByteReader(copy.bytes).read<std::uint64_t>(address - base);
  if (word) value = *word;
  return word.has_value();
}

const LoadedImage* Walk::image_at(std::uint64_t address) {
  const auto behind =
      std::upper_bound(state.images.begin(), state.images.end(), address,
                       [](std::uint64_t wanted, const LoadedImage& known) { return wanted < known.begin; });
  if (behind != state.images.begin() && address < std::prev(behind)->end) return &*std::prev(behind);

  const Mapping* mapping = space.find(address, time);
  const ElfImage* image = mapping ? files.find(mapping->module) : nullptr;
  const auto vaddr = image ? image->vaddr_of_offset(mapping->offset_of(address)) : std::nullopt;
  if (!vaddr) return nullptr;
  LoadedImage loaded{image, address - *vaddr, mapping->start, mapping->end, EhFrameHeader::of(*image)};
  // A newer mapping may cover a part of this one: the parts that are not its own must not be answered from it.
  for (const Mapping& other : space.mappings()) {
    if (&other == mapping || other.end <= loaded.begin || other.start >= loaded.end) continue;
    if (other.end <= address)
      loaded.begin = other.end;
    else if (other.start > address)
      loaded.end = other.start;
    else
      loaded.begin = address, loaded.end = address + 1;
  }
  return &*state.images.insert(behind, loaded);
}

int Walk::find_proc_info(std::uint64_t ip, unw_proc_info_t* info, int need_unwind_info) {
  // Any code but UNW_ENOINFO, which would make libunwind guess by the frame pointer; that is decided in the loop below.
  constexpr int kRefuse = -UNW_ESTOPUNWIND;
  const Mapping* mapping = space.find(ip, time);
  failure = mapping ? WalkEnd::kNoUnwindInfo : WalkEnd::kNoMapping;
  const LoadedImage* loaded = mapping ? image_at(ip) : nullptr;
  if (!loaded || !loaded->header) return kRefuse;

  unw_dyn_info_t table{};
  table.start_ip = loaded->begin;
  table.end_ip = loaded->end;
  table.format = UNW_INFO_FORMAT_REMOTE_TABLE;
  table.u.rti.segbase = loaded->bias + loaded->header->base();
  table.u.rti.table_data = loaded->bias + loaded->header->table();
  table.u.rti.table_len = loaded->header->entries() * 8 / sizeof(unw_word_t);  // in words
  if (UNW_OBJ(dwarf_search_unwind_table)(state.handle, ip, &table, info, need_unwind_info, this) < 0) {
    failure = WalkEnd::kNoUnwindInfo;
    return kRefuse;
  }
  failure = WalkEnd::kCount;
  return 0;
}

int Walk::read(std::uint64_t address, std::uint64_t& value) {
  if (--reads_left < 0) {
    failure = WalkEnd::kUnreadable;
    return -UNW_EINVAL;
  }
  if (stack_word(address, value)) return 0;
  for (const RestoredSlot& slot : restored)
    if (slot.address == address) return value = slot.value, 0;

  // Tables are read word by word, aligned: a file's last word may be cut.
  for (std::size_t i = 0; i < state.images.size(); ++i) {
    const std::size_t index = (state.last_read + i) % state.images.size();
    const LoadedImage& loaded = state.images[index];
    const auto offset = loaded.image->offset_of_vaddr(address - loaded.bias);
    const auto bytes = loaded.image->bytes();
    if (!offset || *offset >= bytes.size()) continue;
    value = 0;
    std::memcpy(&value, bytes.data() + *offset, std::min<std::size_t>(sizeof(value), bytes.size() - *offset));
    state.last_read = index;
    return 0;
  }

  const std::uint64_t end = copy.registers.sp + copy.bytes.size();
  const bool beyond =
      address + sizeof(value) > end && address >= copy.registers.sp && address - copy.registers.sp < kStackReach;
  failure = beyond && !copy.whole ? WalkEnd::kCopyTooShort : WalkEnd::kUnreadable;
  return -UNW_EINVAL;
}

int find_proc_info(unw_addr_space_t, unw_word_t ip, unw_proc_info_t* info, int need_unwind_info, void* argument) {
  return static_cast<Walk*>(argument)->find_proc_info(ip, info, need_unwind_info);
}

void put_unwind_info(unw_addr_space_t, unw_proc_info_t*, void*) {}

int no_dynamic_info(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

int access_memory(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* argument) {
  if (write) return -UNW_EINVAL;
  std::uint64_t word = 0;
  const int result = static_cast<Walk*>(argument)->read(address, word);
  *value = word;
  return result;
}

int access_register(unw_addr_space_t, unw_regnum_t number, unw_word_t* value, int write, void* argument) {
  Walk& walk = *static_cast<Walk*>(argument);
  const std::uint64_t* slot = register_of(walk.registers, number);
  if (!slot || write) {
    walk.failure = WalkEnd::kNoUnwindInfo;  // the rule needs a register nobody saved
    return -UNW_EBADREG;
  }
  *value = *slot;
  return 0;
}

int no_float_register(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EBADREG; }
int no_resume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }
int no_name(unw_addr_space_t, unw_word_t, char*, size_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

unw_accessors_t& accessors() {
  static unw_accessors_t table = [] {
    unw_accessors_t callbacks{};
    callbacks.find_proc_info = find_proc_info;
    callbacks.put_unwind_info = put_unwind_info;
    callbacks.get_dyn_info_list_addr = no_dynamic_info;
    callbacks.access_mem = access_memory;
    callbacks.access_reg = access_register;
    callbacks.access_fpreg = no_float_register;
    callbacks.resume = no_resume;
    callbacks.get_proc_name = no_name;
    return callbacks;
  }();
  return table;
}

std::uint64_t get(unw_cursor_t& cursor, unw_regnum_t number) {
  unw_word_t value = 0;
  return unw_get_reg(&cursor, number, &value) == 0 ? value : 0;
}

// After the step off the leaf: saved slots that lie below its sp hold what the registers hold (see Walk::restored).
void note_restored_slots(Walk& walk, unw_cursor_t& cursor) {
  for (const unw_regnum_t number : kSavedRegisters) {
    unw_save_loc_t place{};
    if (unw_get_save_loc(&cursor, number, &place) != 0 || place.type != UNW_SLT_MEMORY) continue;
    if (place.u.addr >= walk.copy.registers.sp) continue;
    walk.restored.push_back({place.u.addr, *register_of(walk.registers, number)});
  }
}

bool return_address_is_undefined(unw_cursor_t& cursor) {
  unw_save_loc_t place{};
  return unw_get_save_loc(&cursor, UNW_X86_64_RIP, &place) == 0 && place.type == UNW_SLT_NONE;
}

// The caller by the frame pointer, for code without tables (JIT). Nothing where what bp points at does not look like a
// frame.
std::optional<UserRegisters> step_by_frame_pointer(const Walk& walk, const UserRegisters& now) {
  if (now.bp % 8 != 0 || now.bp < now.sp || now.bp - now.sp > FDR_FRAME_REACH) return std::nullopt;
  UserRegisters caller = now;
  if (!walk.stack_word(now.bp, caller.bp) || !walk.stack_word(now.bp + 8, caller.ip)) return std::nullopt;
  if (!walk.space.find(caller.ip - 1, walk.time)) return std::nullopt;
  caller.sp = now.bp + 16;
  return caller;
}

}  // namespace

class Unwinder::Impl {
 public:
  explicit Impl(ModuleFiles& files) : files_(files) {}
  WalkedStack walk(const AddressSpace& space, const StackCopy& copy, Timestamp time);

 private:
  SpaceState& state_of(const AddressSpace& space, Timestamp time);

  ModuleFiles& files_;
  std::map<const AddressSpace*, SpaceState> spaces_;
};

SpaceState& Unwinder::Impl::state_of(const AddressSpace& space, Timestamp time) {
  if (spaces_.size() >= kMaxSpaces && !spaces_.contains(&space)) spaces_.clear();
  SpaceState& state = spaces_[&space];
  const std::uint64_t epoch = space.epoch(time);
  if (!state.handle) {
    state.handle = unw_create_addr_space(&accessors(), 0);
    FDR_CHECK(state.handle);
    unw_set_caching_policy(state.handle, UNW_CACHE_GLOBAL);
  } else if (state.epoch != epoch) {
    unw_flush_cache(state.handle, 0, 0);
    state.images.clear();
  }
  state.epoch = epoch;
  return state;
}

WalkedStack Unwinder::Impl::walk(const AddressSpace& space, const StackCopy& copy, Timestamp time) {
  Walk walk{files_, state_of(space, time), space, copy, time, copy.registers, {}, WalkEnd::kCount, 0};
  WalkedStack stack;
  unw_cursor_t cursor;
  walk.reads_left = kMaxReadsPerStep;
  if (unw_init_remote(&cursor, walk.state.handle, &walk) != 0) {
    stack.end = WalkEnd::kUnreadable;
    return stack;
  }

  FrameAddress frame{copy.registers.ip, false};
  std::uint64_t sp = copy.registers.sp;
  bool from_leaf = true;
  for (;;) {
    stack.frames.push_back(frame);
    if (stack.frames.size() >= kMaxFrames) {
      stack.end = WalkEnd::kTooDeep;
      return stack;
    }
    walk.failure = WalkEnd::kCount;
    walk.reads_left = kMaxReadsPerStep;
    walk.image_at(frame.lookup());  // its code is read to recognise the frame that a signal left
    const unw_cursor_t before = cursor;
    const int result = unw_step(&cursor);

    if (result < 0) {
      cursor = before;
      const WalkEnd why = walk.failure;
      UserRegisters now = walk.registers;
      if (why == WalkEnd::kNoUnwindInfo) {
        now.ip = frame.address;
        now.sp = sp;
        now.bp = get(cursor, UNW_X86_64_RBP);
        for (const unw_regnum_t number : kSavedRegisters) *register_of(now, number) = get(cursor, number);
      }
      const auto caller = why == WalkEnd::kNoUnwindInfo ? step_by_frame_pointer(walk, now) : std::nullopt;
      if (!caller) {
        stack.end = why == WalkEnd::kCount ? WalkEnd::kStuck : why;
        return stack;
      }
      frame = {caller->ip, true};
      sp = caller->sp;
      from_leaf = false;
      // A cursor started afresh takes its ip for exact, so it is given the one that lookups are to use.
      walk.registers = *caller;
      walk.registers.ip = frame.lookup();
      if (unw_init_remote(&cursor, walk.state.handle, &walk) != 0) {
        stack.end = WalkEnd::kUnreadable;
        return stack;
      }
      continue;
    }

    if (return_address_is_undefined(cursor)) {
      stack.end = WalkEnd::kRoot;
      return stack;
    }
    if (from_leaf) note_restored_slots(walk, cursor);
    from_leaf = false;

    // libunwind 1.6 says so of the frame that a signal struck, not of the restorer's that leads to it.
    const bool struck = unw_is_signal_frame(&cursor) > 0;
    frame = {get(cursor, UNW_REG_IP), !struck};
    const std::uint64_t caller_sp = get(cursor, UNW_REG_SP);
    // A signal handler may run on a stack of its own, anywhere.
    if (caller_sp <= sp && !struck) {
      stack.end = WalkEnd::kStuck;
      return stack;
    }
    sp = caller_sp;
    if (result == 0 || !space.find(frame.lookup(), time)) {
      stack.end = WalkEnd::kNoMapping;
      return stack;
    }
  }
}

Unwinder::Unwinder(ModuleFiles& files) : impl_(std::make_unique<Impl>(files)) {}
Unwinder::~Unwinder() = default;

WalkedStack Unwinder::walk(const AddressSpace& space, const StackCopy& copy, Timestamp time) {
  return impl_->walk(space, copy, time);
}

}  // namespace fdr
