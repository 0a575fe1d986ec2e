#include "recorder/sources/window_programs.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <set>

#include "formats/error.hpp"
#include "recorder/heap/heap_reading.hpp"
#include "recorder/sources/syscall_traits.hpp"
#include "recorder/system/pid_namespace.hpp"
#include "recorder/system/pretend.hpp"
#include "window.skel.h"

namespace fdr {
namespace {

constexpr const char* kUprobeSession = "BPF_TRACE_UPROBE_SESSION";  // of enum bpf_attach_type, since 6.13
constexpr const char* kSession = "on_allocator";
constexpr std::array kPair = {"on_allocator_entry", "on_allocator_return"};
constexpr std::array kCalls = {"on_sys_enter", "on_sys_exit"};
constexpr std::array kGrowth = {"on_rss_stat", "on_page_fault_user", "on_page_fault_kernel"};

struct Program {
  const char* name;
  const char* tracepoint = nullptr;  // which some kernels do not have
  const char* partner = nullptr;     // of no use without it
  const char* cost = nullptr;        // of doing without it; none: nothing can be recorded
};

constexpr const char* kNoCalls = "no system calls are recorded: no sums, no slow, failed or single ones";
constexpr const char* kNoReclaim = "stalls in direct reclaim are not told apart";
constexpr const char* kNoGroupReclaim = "stalls in the reclaim of a memory cgroup are not told apart";
constexpr const char* kNoCompaction = "stalls in compaction are not told apart";
constexpr const char* kNoAllocations = "allocations are not sampled: who holds memory is not known";

constexpr Program kPrograms[] = {
    {"on_switch"},
    {"on_fork"},
    {"on_exec"},
    {"on_exit"},
    {"arm_existing"},
    {"on_clock", nullptr, nullptr, "no clock samples: no stacks of running threads, and nothing of who else ran"},
    {kCalls[0], nullptr, kCalls[1], kNoCalls},
    {kCalls[1], nullptr, kCalls[0], kNoCalls},
    {kGrowth[0], "rss_stat", nullptr, "growth of memory is told by page faults, roughly: of no kind, and nothing that was given back"},
    {kGrowth[1], "page_fault_user", nullptr, "growth of memory that user code touched first has no address"},
    {kGrowth[2], "page_fault_kernel", nullptr, "growth of memory that system calls touched first has no address"},
    {"on_mm_vmscan_direct_reclaim_begin", "mm_vmscan_direct_reclaim_begin", "on_mm_vmscan_direct_reclaim_end", kNoReclaim},
    {"on_mm_vmscan_direct_reclaim_end", "mm_vmscan_direct_reclaim_end", "on_mm_vmscan_direct_reclaim_begin", kNoReclaim},
    {"on_mm_vmscan_memcg_reclaim_begin", "mm_vmscan_memcg_reclaim_begin", "on_mm_vmscan_memcg_reclaim_end", kNoGroupReclaim},
    {"on_mm_vmscan_memcg_reclaim_end", "mm_vmscan_memcg_reclaim_end", "on_mm_vmscan_memcg_reclaim_begin", kNoGroupReclaim},
    {"on_mm_compaction_begin", "mm_compaction_begin", "on_mm_compaction_end", kNoCompaction},
    {"on_mm_compaction_end", "mm_compaction_end", "on_mm_compaction_begin", kNoCompaction},
    {kSession, nullptr, nullptr, "every return of an allocator is probed, and samples within one have no callers"},
    {kPair[0], nullptr, kPair[1], kNoAllocations},
    {kPair[1], nullptr, kPair[0], kNoAllocations},
};

using Names = std::vector<std::string>;  // of programs

bool holds(const Names& names, std::string_view name) { return std::find(names.begin(), names.end(), name) != names.end(); }

const Program& program_of(std::string_view name) {
  const auto* found = std::find_if(std::begin(kPrograms), std::end(kPrograms), [&](const Program& one) { return name == one.name; });
  FDR_CHECK(found != std::end(kPrograms));
  return *found;
}

// The last lines libbpf said; shown when a load fails, silent otherwise.
std::string& last_words() {
  static std::string words;
  return words;
}

int remember(libbpf_print_level level, const char* format, va_list arguments) {
  if (level > LIBBPF_WARN) return 0;
  char line[512];
  std::vsnprintf(line, sizeof line, format, arguments);
  std::string& words = last_words();
  words += line;
  if (words.size() > 4096) words.erase(0, words.size() - 4096);
  return 0;
}

struct FreeTypes {
  void operator()(btf* types) const { btf__free(types); }
};
using KernelTypes = std::unique_ptr<btf, FreeTypes>;

bool has_tracepoint(const btf* types, const char* name) {
  return btf__find_by_name_kind(types, (std::string("btf_trace_") + name).c_str(), BTF_KIND_TYPEDEF) > 0;
}

// The number of a kind of attachment in the running kernel; 0 where it has none of that name.
std::uint32_t attach_type(const btf* types, const char* name) {
  const int id = btf__find_by_name_kind(types, "bpf_attach_type", BTF_KIND_ENUM);
  const btf_type* type = id > 0 ? btf__type_by_id(types, static_cast<__u32>(id)) : nullptr;
  for (int i = 0; type && i < btf_vlen(type); ++i) {
    const struct btf_enum& one = btf_enum(type)[i];
    if (std::strcmp(btf__name_by_offset(types, one.name_off), name) == 0) return static_cast<std::uint32_t>(one.val);
  }
  return 0;
}

// Programs of clocks have the same helpers as those of typed tracepoints, which libbpf cannot probe for.
bool has_helper(bpf_func_id helper, const char* name) {
  return !pretended_missing(std::string("helper:") + name) && libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, helper, nullptr) == 1;
}

KernelFeatures features_of(const btf* types) {
  KernelFeatures features;
  // The other two take a task that is typed.
  features.typed_task = has_helper(BPF_FUNC_get_current_task_btf, "get_current_task_btf");
  features.task_storage = features.typed_task && has_helper(BPF_FUNC_task_storage_get, "task_storage_get");
  features.task_pt_regs = features.typed_task && has_helper(BPF_FUNC_task_pt_regs, "task_pt_regs");
  features.session_type = types ? attach_type(types, kUprobeSession) : 0;
  return features;
}

// What is the same of every attempt.
struct Wish {
  const Config& config;
  const WindowLayout& layout;
  KernelFeatures features;
};

bpf_map* ring_map(const window_bpf* programs, int ring) {
  const auto& maps = programs->maps;
  bpf_map* const rings[FDR_RINGS] = {maps.stacks, maps.stalls, maps.syscalls, maps.slow, maps.failed, maps.life, maps.growth, maps.bystanders};
  return rings[ring];
}

void set_up_host_tier(window_bpf* programs, const Config& config, const WindowLayout& layout) {
  auto* knobs = programs->rodata;
  knobs->host_tier = config.host_tier;
  knobs->recorder_tgid = static_cast<__u32>(::getpid());
  knobs->failing_shift = failing_shift(config.span + config.after);
  bpf_map__set_max_entries(programs->maps.failing, config.host_tier ? layout.failing() : 1);
  bpf_map__set_max_entries(programs->maps.bystander_ticks, config.host_tier ? layout.ticks() : 1);
  std::set<int> ports;
  for (const HeartbeatConfig& beat : config.heartbeats)
    if (beat.from == BeatSource::kSend) ports.insert(beat.port);
  FDR_CHECK(ports.size() <= FDR_SEND_PORTS);  // the configuration was checked
  std::copy(ports.begin(), ports.end(), const_cast<__u16*>(knobs->send_ports));
  knobs->send_port_count = static_cast<__u32>(ports.size());
  bpf_map__set_max_entries(programs->maps.sends, ports.empty() ? 1 : 512 + 128 * layout.slots);
}

void set_up_heap(window_bpf* programs, const WindowLayout& layout, std::uint32_t session_type) {
  const auto& maps = programs->maps;
  const bool wanted = layout.heap_blocks > 0;
  for (bpf_map* map : {maps.heap_blocks, maps.heap_stacks, maps.heap_counts, maps.heap_calls, maps.heap_scratches}) bpf_map__set_autocreate(map, wanted);
  if (!wanted) return;
  if (session_type) bpf_program__set_expected_attach_type(programs->progs.on_allocator, static_cast<bpf_attach_type>(session_type));
  bpf_map__set_max_entries(maps.heap_blocks, layout.heap_blocks);
  bpf_map__set_max_entries(maps.heap_stacks, layout.heap_stacks);
  const std::vector<std::uint64_t> gaps = heap_gaps(kHeapSampleBytes);
  std::copy(gaps.begin(), gaps.end(), const_cast<__u64*>(programs->rodata->heap_gaps));
}

void set_up_maps(window_bpf* programs, const WindowLayout& layout, bool task_storage) {
  const auto& maps = programs->maps;
  for (int ring = 0; ring < FDR_RINGS; ++ring) bpf_map__set_max_entries(ring_map(programs, ring), layout.chunks[ring] * layout.slots);
  bpf_map__set_max_entries(maps.cursors, FDR_RINGS * layout.slots);
  bpf_map__set_max_entries(maps.threads, layout.threads);
  bpf_map__set_max_entries(maps.free_slots, layout.threads);
  bpf_map__set_max_entries(maps.slots_by_address, layout.threads);
  bpf_map__set_autocreate(maps.thread_slots, task_storage);
  bpf_map__set_autocreate(maps.slots_by_address, !task_storage);
  bpf_map__set_max_entries(maps.parked, FDR_PARKED);
  bpf_map__set_max_entries(maps.summary, FDR_SUMMARY_ROW * layout.slots);
  bpf_map__set_max_entries(maps.cpus, layout.slots);
  bpf_map__set_max_entries(maps.canaries, layout.slots);
  bpf_map__set_max_entries(maps.rows, layout.rows);
  bpf_map__set_max_entries(maps.spaces, layout.spaces);
}

void set_up(window_bpf* programs, const Wish& wish, const Names& chosen) {
  const auto& [config, layout, features] = wish;
  auto* knobs = programs->rodata;
  for (int ring = 0; ring < FDR_RINGS; ++ring) {
    knobs->chunks_per_slot[ring] = layout.chunks[ring];
    knobs->ring_refill_per_ms[ring] = layout.refill_per_ms[ring];
  }
  knobs->slot_count = layout.slots;
  knobs->off_cpu_ns = static_cast<__u64>(config.off_cpu.count());
  knobs->slow_ns = static_cast<__u64>(config.slow.count());
  // lib/percpu_counter.c: max(32, 2 x CPUs).
  knobs->counter_batch = std::max<__s64>(64, 2 * std::int64_t{libbpf_num_possible_cpus()});
  knobs->raw_syscalls = config.detail == SyscallDetail::kAll;
  knobs->growth_by_faults = !holds(chosen, kGrowth[0]);
  knobs->has_typed_task = features.typed_task;
  knobs->has_task_storage = features.task_storage;
  knobs->has_task_pt_regs = features.task_pt_regs;
  const auto traits = syscall_traits();
  std::memcpy(const_cast<__u8*>(knobs->call_traits), traits.data(), traits.size());
  set_up_host_tier(programs, config, layout);
  set_up_maps(programs, layout, features.task_storage);
  set_up_heap(programs, layout, features.session_type);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, programs->obj) bpf_program__set_autoload(program, holds(chosen, bpf_program__name(program)));
}

enum class Size { kFull, kTrial };

// One attempt; `*error` is what the kernel said of it, last_words() what libbpf did.
std::unique_ptr<window_bpf, DestroyPrograms> load(const Wish& wish, const Names& chosen, Size size, int* error) {
  last_words().clear();
  std::unique_ptr<window_bpf, DestroyPrograms> programs(window_bpf__open());
  if (!programs) throw system_error("open the BPF programs", errno);
  set_up(programs.get(), wish, chosen);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, programs->obj)
    if (size == Size::kTrial && bpf_map__type(map) == BPF_MAP_TYPE_ARRAY && !bpf_map__is_internal(map)) bpf_map__set_max_entries(map, 1);
  *error = std::any_of(chosen.begin(), chosen.end(), [](const std::string& name) { return pretended_missing("program:" + name); }) ? EINVAL : -window_bpf__load(programs.get());
  return *error ? nullptr : std::move(programs);
}

struct Refusal {
  std::string program;
  int error = 0;
  std::string words;
};

// Of programs that are not taken together: those that are not taken alone. What takes time is the verifier, which sees each once so.
std::vector<Refusal> find_refused(const Wish& wish, const Names& names) {
  std::vector<Refusal> refused;
  for (const std::string& name : names) {
    int error = 0;
    if (!load(wish, {name}, Size::kTrial, &error)) refused.push_back({name, error, last_words()});
  }
  return refused;
}

Error cannot_load(int error, const std::string& words) {
  if (error == EPERM) return system_error("load the BPF programs", error, permission_hint());
  return Error("load the BPF programs: " + std::string(std::strerror(error)) + "\n" + words, "`fdr doctor` shows what this host allows");
}

class Chooser {
 public:
  Chooser(const Wish& wish, const btf* types) : wish_(wish) {
    const bool heap = wish.layout.heap_blocks > 0;
    for (const Program& one : kPrograms) {
      const bool of_pair = std::find(kPair.begin(), kPair.end(), std::string_view(one.name)) != kPair.end();
      const bool of_calls = std::find(kCalls.begin(), kCalls.end(), std::string_view(one.name)) != kCalls.end();
      if (of_pair || (std::string_view(one.name) == kSession && !heap) || (of_calls && wish.config.detail == SyscallDetail::kOff)) continue;
      chosen_.emplace_back(one.name);
    }
    if (heap && !wish.features.session_type) leave_out(kSession, "this kernel has no uprobe sessions (6.13)");
    for (const Program& one : kPrograms)
      if (one.tracepoint && !has_tracepoint(types, one.tracepoint)) leave_out(one.name, std::string("tracepoint ") + one.tracepoint + " is not in this kernel");
  }

  LoadedPrograms load_all(Size size) {
    int error = 0;
    std::unique_ptr<window_bpf, DestroyPrograms> programs;
    while (!(programs = load(wish_, chosen_, size, &error))) {
      const std::string words = last_words();
      if (error == EPERM) throw cannot_load(error, words);
      const std::vector<Refusal> refused = find_refused(wish_, chosen_);
      if (refused.empty()) throw cannot_load(error, words);  // the maps, then
      for (const Refusal& one : refused) {
        if (!program_of(one.program).cost) throw cannot_load(one.error, one.words);
        leave_out(one.program, "this kernel refuses the program " + one.program + " (" + std::strerror(one.error) + ")");
      }
    }
    if (std::none_of(kGrowth.begin(), kGrowth.end(), [&](const char* name) { return holds(chosen_, name); }))
      notes_.emplace_back("growth of memory is not recorded, since page faults are not told either");
    return {.programs = std::move(programs), .features = wish_.features, .left_out = std::move(left_out_), .notes = std::move(notes_)};
  }

 private:
  void leave_out(const std::string& name, const std::string& why) {
    if (!holds(chosen_, name)) return;  // with its partner
    const Program& one = program_of(name);
    drop(name);
    if (one.partner) drop(one.partner);
    notes_.push_back(why + ": " + one.cost);
    if (name != kSession) return;
    wish_.features.session_type = 0;
    chosen_.insert(chosen_.end(), kPair.begin(), kPair.end());
  }

  void drop(const std::string& name) {
    std::erase(chosen_, name);
    left_out_.push_back(name);
  }

  Wish wish_;
  Names chosen_, left_out_, notes_;
};

KernelTypes kernel_types() {
  if (!has_host_pids()) throw Error(kOtherNumbers, kOtherNumbersRemedy);
  libbpf_set_print(remember);
  KernelTypes types(btf__load_vmlinux_btf());
  if (!types)
    throw Error("the kernel has no readable BTF (/sys/kernel/btf/vmlinux), which the bpf backend needs", "use a kernel built with CONFIG_DEBUG_INFO_BTF");
  return types;
}

}  // namespace

void DestroyPrograms::operator()(window_bpf* programs) const { window_bpf__destroy(programs); }

bool LoadedPrograms::has(std::string_view program) const { return !holds(left_out, program); }

KernelFeatures probe_features() {
  libbpf_set_print(remember);
  return features_of(KernelTypes(btf__load_vmlinux_btf()).get());
}

LoadedPrograms load_programs(const Config& config, const WindowLayout& layout) {
  const KernelTypes types = kernel_types();
  return Chooser({config, layout, features_of(types.get())}, types.get()).load_all(Size::kFull);
}

std::vector<std::string> try_programs() {
  const KernelTypes types = kernel_types();
  const Config config;
  WindowLayout layout;
  layout.chunks.fill(1);
  layout.threads = layout.rows = layout.spaces = 1;
  return Chooser({config, layout, features_of(types.get())}, types.get()).load_all(Size::kTrial).notes;
}

std::string permission_hint() {
  return "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; `fdr doctor` shows what this host allows";
}

}  // namespace fdr
