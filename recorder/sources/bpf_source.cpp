#include "recorder/sources/bpf_source.hpp"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <set>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/cpu_list.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/shared_mapping.hpp"
#include "recorder/sources/syscall_traits.hpp"
#include "window.skel.h"

namespace fdr {
namespace {

constexpr const char* kUprobeSession = "BPF_TRACE_UPROBE_SESSION";  // of enum bpf_attach_type, since 6.13
constexpr Duration kLease = std::chrono::seconds(30);  // recording-rules 1

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

int open_clock(int cpu, std::uint64_t period_ns) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = period_ns;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  return static_cast<int>(::syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC));
}

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

std::string permission_hint() {
  return "run as root, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE; `fdr doctor` shows what this host allows";
}

}  // namespace

BpfSupport probe_bpf() {
  BpfSupport support;
  libbpf_set_print(remember);
  support.btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0;
  support.load = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT, nullptr) == 1;
  support.task_pt_regs = libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_task_pt_regs, nullptr) == 1;
  if (btf* types = btf__load_vmlinux_btf()) {
    support.uprobe_sessions = attach_type(types, kUprobeSession) != 0;
    btf__free(types);
  }
  const FileDescriptor clock(open_clock(0, 10'000'000));
  support.perf = clock.valid();
  if (!support.perf) support.problem = std::string("perf_event_open: ") + std::strerror(errno);
  if (!support.load) support.problem = "BPF programs cannot be loaded (CAP_BPF and CAP_PERFMON are missing, or the kernel has no BPF)";
  if (!support.btf) support.problem = "the kernel has no BTF (/sys/kernel/btf/vmlinux)";
  return support;
}

class BpfSource::Impl {
 public:
  Impl(const Config& config, const WindowLayout& layout, const std::string& name)
      : layout_(layout), host_tier_(config.host_tier), directory_(pin_directory(name)), period_ns_(1'000'000'000ull / config.frequency), detail_(config.detail) {
    libbpf_set_print(remember);
    last_words().clear();
    open_and_load(config);
    map_arrays();
    set_up_slots();
    attach();
    pin();
  }

  ~Impl() {
    for (bpf_link* link : links_) bpf_link__destroy(link);
    for (Clock& clock : clocks_) bpf_link__destroy(clock.link);
    for (const std::string& path : pins_) ::unlink(path.c_str());
    if (!pins_.empty()) ::rmdir(directory_.c_str());
    if (programs_) window_bpf__destroy(programs_);
  }

  WindowView view_;
  WindowLayout layout_;
  std::vector<std::string> notes_;
  std::vector<__u32> to_arm_;  // pids in the map `targets`, until their threads are armed
  bool pinned_ = false;
  std::uint64_t period() const { return period_ns_; }

  void add_target(std::int32_t pid, std::uint32_t target, bool mute) {
    const auto key = static_cast<__u32>(pid);
    const __u32 value = target << 1 | (mute ? 1u : 0u);
    if (bpf_map__update_elem(programs_->maps.targets, &key, sizeof key, &value, sizeof value, BPF_ANY))
      throw system_error("add process " + std::to_string(pid) + " to the targets", errno);
    to_arm_.push_back(key);
  }

  void arm_threads() {
    bpf_link* link = bpf_program__attach_iter(programs_->progs.arm_existing, nullptr);
    if (!link) throw system_error("attach the task iterator", errno);
    const FileDescriptor iterator(bpf_iter_create(bpf_link__fd(link)));
    bpf_link__destroy(link);
    if (!iterator.valid()) throw system_error("create the task iterator", errno);
    char nothing[64];
    while (::read(iterator.get(), nothing, sizeof nothing) > 0) {
    }
    forget_current_threads();
    // From now on children follow their parent's thread. The pid itself may one day be another's.
    for (const __u32 pid : std::exchange(to_arm_, {})) bpf_map__delete_elem(programs_->maps.targets, &pid, sizeof pid, 0);
  }

  // What each CPU remembers of the task it runs was true before.
  void forget_current_threads() { __atomic_fetch_add(&view_.control->arming, 1, __ATOMIC_RELEASE); }

  void release_slot(__u32 slot) { bpf_map__update_elem(programs_->maps.free_slots, nullptr, 0, &slot, sizeof slot, BPF_ANY); }

  void follow_cpus() {
    const std::vector<int> online = online_cpus();
    if (online == online_) return;
    for (const int cpu : online) {
      if (std::find(online_.begin(), online_.end(), cpu) != online_.end()) continue;
      add_cpu(cpu);
    }
    // A CPU that went off keeps its slot and its records; its clock is opened anew when it comes back (6.1 gives no tick otherwise).
    std::erase_if(clocks_, [&](Clock& clock) {
      if (std::find(online.begin(), online.end(), clock.cpu) != online.end()) return false;
      bpf_link__destroy(clock.link);
      return true;
    });
    online_ = online;
  }

  std::vector<ErrnoTotal> errors() const { return read_errors(bpf_map__fd(programs_->maps.errors)); }
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const {
    return host_tier_ ? read_failing(bpf_map__fd(programs_->maps.failing), layout_.failing()) : std::vector<std::pair<fdr_failing_key, fdr_failing>>{};
  }
  std::span<const fdr_canary> canaries() const { return canaries_; }
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const {
    return host_tier_ ? read_ticks(bpf_map__fd(programs_->maps.bystander_ticks), layout_.ticks()) : std::vector<std::pair<std::uint32_t, fdr_ticks>>{};
  }
  std::vector<std::pair<fdr_send_key, fdr_send>> sends() const {
    if (!programs_->rodata->send_port_count) return {};
    return read_sends(bpf_map__fd(programs_->maps.sends), bpf_map__max_entries(programs_->maps.sends));
  }

  HeapReading heap() const {
    HeapReading reading;
    if (!heap_counts_) return reading;
    reading.asked = true;
    reading.blocks = read_heap_blocks(bpf_map__fd(programs_->maps.heap_blocks), layout_.heap_blocks);
    reading.stacks = read_heap_stacks(bpf_map__fd(programs_->maps.heap_stacks), layout_.heap_stacks);
    reading.counts = *heap_counts_;
    return reading;
  }
  void forget_heap(const std::set<std::int32_t>& known, Timestamp before) const {
    fdr::forget_heap(bpf_map__fd(programs_->maps.heap_blocks), layout_.heap_blocks, bpf_map__fd(programs_->maps.heap_stacks), layout_.heap_stacks, known,
                     static_cast<std::uint64_t>(to_ns(before)));
  }
  HeapPrograms heap_programs() const {
    if (!heap_counts_) return {};
    const auto& programs = programs_->progs;
    if (session_type_) return {.session = bpf_program__fd(programs.on_allocator), .session_type = session_type_};
    return {.entry = bpf_program__fd(programs.on_allocator_entry), .exit = bpf_program__fd(programs.on_allocator_return)};
  }

  std::uint64_t recursion_misses() const {
    std::uint64_t misses = 0;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, programs_->obj) {
      bpf_prog_info info{};
      __u32 length = sizeof info;
      if (bpf_program__fd(program) >= 0 && bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &length) == 0)
        misses += info.recursion_misses;
    }
    return misses;
  }

 private:
  struct Clock {
    int cpu;
    bpf_link* link;
  };

  void open_and_load(const Config& config) {
    programs_ = window_bpf__open();
    if (!programs_) throw system_error("open the BPF programs", errno);
    for (int ring = 0; ring < FDR_RINGS; ++ring) {
      programs_->rodata->chunks_per_slot[ring] = layout_.chunks[ring];
      programs_->rodata->ring_refill_per_ms[ring] = layout_.refill_per_ms[ring];
      bpf_map__set_max_entries(ring_map(ring), layout_.chunks[ring] * layout_.slots);
    }
    programs_->rodata->slot_count = layout_.slots;
    programs_->rodata->off_cpu_ns = static_cast<__u64>(config.off_cpu.count());
    programs_->rodata->slow_ns = static_cast<__u64>(config.slow.count());
    // lib/percpu_counter.c: max(32, 2 x CPUs); before 6.2 a thread held back 64 faults.
    programs_->rodata->counter_batch = std::max<__s64>(64, 2 * std::int64_t{libbpf_num_possible_cpus()});
    programs_->rodata->raw_syscalls = config.detail == SyscallDetail::kAll;
    set_up_host_tier(config);
    const auto traits = syscall_traits();
    std::memcpy(const_cast<__u8*>(programs_->rodata->call_traits), traits.data(), traits.size());
    bpf_map__set_max_entries(programs_->maps.cursors, FDR_RINGS * layout_.slots);
    bpf_map__set_max_entries(programs_->maps.threads, layout_.threads);
    bpf_map__set_max_entries(programs_->maps.free_slots, layout_.threads);
    bpf_map__set_max_entries(programs_->maps.parked, FDR_PARKED);
    bpf_map__set_max_entries(programs_->maps.summary, FDR_SUMMARY_ROW * layout_.slots);
    bpf_map__set_max_entries(programs_->maps.cpus, layout_.slots);
    bpf_map__set_max_entries(programs_->maps.canaries, layout_.slots);
    bpf_map__set_max_entries(programs_->maps.rows, layout_.rows);
    bpf_map__set_max_entries(programs_->maps.spaces, layout_.spaces);

    if (detail_ == SyscallDetail::kOff) {
      bpf_program__set_autoload(programs_->progs.on_sys_enter, false);
      bpf_program__set_autoload(programs_->progs.on_sys_exit, false);
    }
    btf* types = btf__load_vmlinux_btf();
    if (!types)
      throw Error("the kernel has no readable BTF (/sys/kernel/btf/vmlinux), which the bpf backend needs",
                  "use a kernel built with CONFIG_DEBUG_INFO_BTF");
    // Tracepoints of memory work differ between kernels and configurations; each that is missing costs one kind of record.
    const struct { bpf_program* program; const char* tracepoint; } optional[] = {
        {programs_->progs.on_mm_vmscan_direct_reclaim_begin, "mm_vmscan_direct_reclaim_begin"},
        {programs_->progs.on_mm_vmscan_direct_reclaim_end, "mm_vmscan_direct_reclaim_end"},
        {programs_->progs.on_mm_vmscan_memcg_reclaim_begin, "mm_vmscan_memcg_reclaim_begin"},
        {programs_->progs.on_mm_vmscan_memcg_reclaim_end, "mm_vmscan_memcg_reclaim_end"},
        {programs_->progs.on_mm_compaction_begin, "mm_compaction_begin"},
        {programs_->progs.on_mm_compaction_end, "mm_compaction_end"},
        {programs_->progs.on_rss_stat, "rss_stat"},
        {programs_->progs.on_page_fault_user, "page_fault_user"},
        {programs_->progs.on_page_fault_kernel, "page_fault_kernel"},
    };
    for (const auto& [program, tracepoint] : optional) {
      if (has_tracepoint(types, tracepoint)) continue;
      bpf_program__set_autoload(program, false);
      notes_.push_back(std::string("tracepoint ") + tracepoint + " is not in this kernel: what it would tell is not recorded");
    }
    set_up_heap(types);
    btf__free(types);
    if (const int result = window_bpf__load(programs_)) {
      const int error = -result;
      window_bpf__destroy(programs_);
      programs_ = nullptr;
      if (error == EPERM || error == EACCES) throw system_error("load the BPF programs", error, permission_hint());
      throw Error("load the BPF programs: " + std::string(std::strerror(error)) + "\n" + last_words(), "`fdr doctor` shows what this host allows");
    }
  }

  void set_up_heap(const btf* types) {
    const bool wanted = layout_.heap_blocks > 0;
    const auto& maps = programs_->maps;
    for (bpf_map* map : {maps.heap_blocks, maps.heap_stacks, maps.heap_counts, maps.heap_calls, maps.heap_scratches}) bpf_map__set_autocreate(map, wanted);
    session_type_ = wanted ? attach_type(types, kUprobeSession) : 0;
    bpf_program__set_autoload(programs_->progs.on_allocator, session_type_ != 0);
    for (bpf_program* program : {programs_->progs.on_allocator_entry, programs_->progs.on_allocator_return}) bpf_program__set_autoload(program, wanted && !session_type_);
    if (!wanted) return;
    if (session_type_) bpf_program__set_expected_attach_type(programs_->progs.on_allocator, static_cast<bpf_attach_type>(session_type_));
    else notes_.push_back("heap: this kernel has no uprobe sessions (6.13): every return of an allocator is probed, and samples within one have no callers");
    bpf_map__set_max_entries(maps.heap_blocks, layout_.heap_blocks);
    bpf_map__set_max_entries(maps.heap_stacks, layout_.heap_stacks);
    const std::vector<std::uint64_t> gaps = heap_gaps(kHeapSampleBytes);
    std::copy(gaps.begin(), gaps.end(), const_cast<__u64*>(programs_->rodata->heap_gaps));
  }

  // Attached to each allocator by itself.
  bool is_of_heap(const bpf_program* program) const {
    const auto& programs = programs_->progs;
    return program == programs.on_allocator || program == programs.on_allocator_entry || program == programs.on_allocator_return;
  }

  void set_up_host_tier(const Config& config) {
    programs_->rodata->host_tier = config.host_tier;
    programs_->rodata->recorder_tgid = static_cast<__u32>(::getpid());
    programs_->rodata->failing_shift = failing_shift(config.span + config.after);
    bpf_map__set_max_entries(programs_->maps.failing, config.host_tier ? layout_.failing() : 1);
    bpf_map__set_max_entries(programs_->maps.bystander_ticks, config.host_tier ? layout_.ticks() : 1);
    std::set<int> ports;
    for (const HeartbeatConfig& beat : config.heartbeats)
      if (beat.from == BeatSource::kSend) ports.insert(beat.port);
    FDR_CHECK(ports.size() <= FDR_SEND_PORTS);  // the configuration was checked
    std::copy(ports.begin(), ports.end(), const_cast<__u16*>(programs_->rodata->send_ports));
    programs_->rodata->send_port_count = static_cast<__u32>(ports.size());
    bpf_map__set_max_entries(programs_->maps.sends, ports.empty() ? 1 : 512 + 128 * layout_.slots);
  }

  bpf_map* ring_map(int ring) const {
    bpf_map* const maps[FDR_RINGS] = {programs_->maps.stacks, programs_->maps.stalls, programs_->maps.syscalls,
                                      programs_->maps.slow,   programs_->maps.failed, programs_->maps.life,
                                      programs_->maps.growth, programs_->maps.bystanders};
    return maps[ring];
  }

  void* map_array(bpf_map* map, std::size_t bytes, bool writable) {
    const std::size_t page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    mappings_.emplace_back(bpf_map__fd(map), (bytes + page - 1) / page * page, writable, bpf_map__name(map));
    return mappings_.back().data();
  }

  void map_arrays() {
    view_.layout = layout_;
    for (int ring = 0; ring < FDR_RINGS; ++ring)
      view_.rings[ring] = static_cast<const std::uint8_t*>(
          map_array(ring_map(ring), std::size_t{layout_.chunks[ring]} * layout_.slots * chunk_bytes(ring), false));
    const auto& maps = programs_->maps;
    view_.cursors = static_cast<const fdr_cursor*>(map_array(maps.cursors, sizeof(fdr_cursor) * FDR_RINGS * layout_.slots, false));
    view_.threads = static_cast<fdr_thread*>(map_array(maps.threads, sizeof(fdr_thread) * layout_.threads, true));
    view_.parked = static_cast<const fdr_parked*>(map_array(maps.parked, sizeof(fdr_parked) * FDR_PARKED, false));
    view_.summary = static_cast<fdr_summary_cell*>(
        map_array(maps.summary, sizeof(fdr_summary_cell) * FDR_SUMMARY_ROW * layout_.slots, true));
    view_.cpus = static_cast<const fdr_cpu*>(map_array(maps.cpus, sizeof(fdr_cpu) * layout_.slots, false));
    canaries_ = {static_cast<const fdr_canary*>(map_array(maps.canaries, sizeof(fdr_canary) * layout_.slots, false)), layout_.slots};
    if (layout_.heap_blocks) heap_counts_ = static_cast<const fdr_heap_counts*>(map_array(maps.heap_counts, sizeof(fdr_heap_counts), false));
    view_.rows = static_cast<fdr_row*>(map_array(maps.rows, sizeof(fdr_row) * layout_.rows, true));
    view_.spaces = static_cast<fdr_space*>(map_array(maps.spaces, sizeof(fdr_space) * layout_.spaces, true));
    view_.control = static_cast<fdr_control*>(map_array(maps.control, sizeof(fdr_control), true));
  }

  void set_up_slots() {
    std::fill(std::begin(view_.control->slot_of_cpu), std::end(view_.control->slot_of_cpu), std::uint16_t{FDR_NO_SLOT});
    for (std::uint32_t slot = 0; slot < layout_.threads; ++slot) release_slot(slot);
    lease(MonotonicClock::now());
    view_.control->wire_version = FDR_WIRE_VERSION;
    view_.control->recorder = static_cast<fdr_u32>(::getpid());
    __atomic_store_n(&view_.control->magic, std::uint64_t{FDR_MAGIC}, __ATOMIC_RELEASE);
  }

  void add_cpu(int cpu) {
    if (cpu >= FDR_MAX_CPUS) return;
    std::uint16_t& slot = view_.control->slot_of_cpu[cpu];
    if (slot == FDR_NO_SLOT) {
      if (next_slot_ >= layout_.slots) {
        notes_.push_back("CPU " + std::to_string(cpu) + " came online and no spare ring was left: what runs there is counted, not recorded");
        return;
      }
      slot = static_cast<std::uint16_t>(next_slot_++);
    }
    const int event = open_clock(cpu, period_ns_);
    if (event < 0)
      throw system_error("open the clock of CPU " + std::to_string(cpu), errno, errno == EACCES || errno == EPERM ? permission_hint() : "");
    bpf_link* link = bpf_program__attach_perf_event(programs_->progs.on_clock, event);
    if (!link) {
      const int error = errno;
      ::close(event);
      throw system_error("attach to the clock of CPU " + std::to_string(cpu), error);
    }
    clocks_.push_back({cpu, link});
  }

  void attach() {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, programs_->obj) {
      if (program == programs_->progs.on_clock || program == programs_->progs.arm_existing || is_of_heap(program) || !bpf_program__autoload(program)) continue;
      bpf_link* link = bpf_program__attach(program);
      if (!link) throw system_error(std::string("attach ") + bpf_program__name(program), errno);
      links_.push_back(link);
      link_names_.push_back(bpf_program__name(program));
    }
    follow_cpus();
  }

  // The window must outlive us: maps and links are pinned. Where that fails we record on and say so (recording-rules 6).
  void pin() {
    std::string problem;
    if (make_pin_directory(directory_, &problem)) {
      bpf_map* map = nullptr;
      bpf_object__for_each_map(map, programs_->obj) {
        if (bpf_map__is_internal(map) || bpf_map__fd(map) < 0) continue;
        pin_one(bpf_map__fd(map), bpf_map__name(map), problem);
      }
      for (std::size_t i = 0; i < links_.size(); ++i) pin_one(bpf_link__fd(links_[i]), kLinkPin + link_names_[i], problem);
      for (const Clock& clock : clocks_) pin_one(bpf_link__fd(clock.link), kClockPin + std::to_string(clock.cpu), problem);
    }
    pinned_ = problem.empty();
    if (!pinned_) notes_.push_back("the window does not survive the recorder (" + problem + ")");
  }

  void pin_one(int descriptor, const std::string& name, std::string& problem) {
    const std::string path = directory_ + "/" + name;
    if (bpf_obj_pin(descriptor, path.c_str())) problem = "pin " + path + ": " + std::strerror(errno);
    else pins_.push_back(path);
  }

 public:
  void lease(Timestamp now) {
    // While it was over no switch was followed.
    if (view_.control->lease_ns < static_cast<std::uint64_t>(to_ns(now))) forget_current_threads();
    view_.control->renewed_ns = static_cast<std::uint64_t>(to_ns(now));
    __atomic_store_n(&view_.control->lease_ns, static_cast<std::uint64_t>(to_ns(now + kLease)), __ATOMIC_RELEASE);
  }

 private:
  bool host_tier_;
  std::string directory_;
  std::uint64_t period_ns_;
  SyscallDetail detail_;
  window_bpf* programs_ = nullptr;
  std::vector<SharedMapping> mappings_;
  std::span<const fdr_canary> canaries_;
  const fdr_heap_counts* heap_counts_ = nullptr;
  std::uint32_t session_type_ = 0;
  std::vector<bpf_link*> links_;
  std::vector<std::string> link_names_;
  std::vector<Clock> clocks_;
  std::vector<std::string> pins_;
  std::vector<int> online_;
  std::uint32_t next_slot_ = 0;
};

BpfSource::BpfSource(const Config& config, const WindowLayout& layout, const std::string& name)
    : impl_(std::make_unique<Impl>(config, layout, name)) {}
BpfSource::~BpfSource() = default;

WindowView BpfSource::window() const { return impl_->view_; }
void BpfSource::add_target(std::int32_t pid, std::uint32_t target, bool mute) { impl_->add_target(pid, target, mute); }
void BpfSource::arm_threads() { impl_->arm_threads(); }
void BpfSource::release_slot(std::uint32_t slot) { impl_->release_slot(slot); }
void BpfSource::renew_lease(Timestamp now) { impl_->lease(now); }
void BpfSource::follow_cpus() { impl_->follow_cpus(); }
std::vector<ErrnoTotal> BpfSource::errors() const { return impl_->errors(); }
std::vector<std::pair<fdr_failing_key, fdr_failing>> BpfSource::failing() const { return impl_->failing(); }
std::span<const fdr_canary> BpfSource::canaries() const { return impl_->canaries(); }
std::vector<std::pair<std::uint32_t, fdr_ticks>> BpfSource::bystander_ticks() const { return impl_->bystander_ticks(); }
std::vector<std::pair<fdr_send_key, fdr_send>> BpfSource::sends() const { return impl_->sends(); }
HeapReading BpfSource::heap() const { return impl_->heap(); }
void BpfSource::forget_heap(const std::set<std::int32_t>& known, Timestamp before) const { impl_->forget_heap(known, before); }
HeapPrograms BpfSource::heap_programs() const { return impl_->heap_programs(); }
std::uint64_t BpfSource::recursion_misses() const { return impl_->recursion_misses(); }
std::uint64_t BpfSource::clock_period_ns() const { return impl_->period(); }
bool BpfSource::pinned() const { return impl_->pinned_; }
const std::vector<std::string>& BpfSource::notes() const { return impl_->notes_; }

}  // namespace fdr
