#include "recorder/sources/bpf_source.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <set>
#include <utility>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/pinned_window.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/shared_mapping.hpp"
#include "recorder/sources/side_band.hpp"
#include "recorder/sources/window_programs.hpp"
#include "recorder/system/cpu_list.hpp"
#include "recorder/system/perf_event.hpp"
#include "recorder/system/pid_namespace.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/window/target.h"
#include "window.skel.h"

namespace fdr {
namespace {

constexpr std::uint64_t kTrialPeriod = 10'000'000;     // ns; of a clock that is closed again at once
constexpr Duration kLease = std::chrono::seconds(30);  // then the programs fall silent, so that a window freezes around the death of its recorder
constexpr std::size_t kArmedAtOnce = 8192;             // half of what the map `targets` has room for (bpf/maps.h)

// Detached when it goes, unless it is pinned: also where a constructor that throws leaves it.
struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

FileDescriptor open_clock(int cpu, std::uint64_t period_ns) {
  perf_event_attr attr{};
  attr.size = sizeof attr;
  attr.type = PERF_TYPE_SOFTWARE;
  attr.config = PERF_COUNT_SW_CPU_CLOCK;
  attr.sample_period = period_ns;
  attr.use_clockid = 1;
  attr.clockid = CLOCK_MONOTONIC;
  return open_perf_event(attr, -1, cpu);
}

std::string clock_hint() { return permission_hint() + "; where kernel.perf_event_paranoid is 3 or more it takes CAP_SYS_ADMIN too, or `sysctl kernel.perf_event_paranoid=2`"; }

// A program on a perf event hangs on a link of its own since 5.15. Before, it hangs on the event, which nothing can keep alive but a process.
bool is_bpf_link(int descriptor) {
  bpf_link_info info{};
  __u32 length = sizeof info;
  return !pretended_missing("link:perf_event") && bpf_obj_get_info_by_fd(descriptor, &info, &length) == 0;
}

// The same of an event, tried with a program that does nothing.
bool has_links(int event) {
  const bpf_insn nothing[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
                              {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  const FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_PERF_EVENT, "nothing", "GPL", nothing, std::size(nothing), nullptr));
  if (!program.valid() || event < 0) return false;
  const FileDescriptor link(bpf_link_create(program.get(), event, BPF_PERF_EVENT, nullptr));
  return link.valid() && is_bpf_link(link.get());
}

class BpfSource final : public EventSource {
 public:
  BpfSource(const Config& config, const WindowLayout& layout, const std::string& name)
      : layout_(layout), host_tier_(config.host_tier), directory_(pin_directory(name)), period_ns_(1'000'000'000ull / config.frequency), detail_(config.detail) {
    LoadedPrograms loaded = load_programs(config, layout);
    owner_ = std::move(loaded.programs);
    programs_ = owner_.get();
    session_type_ = loaded.features.session_type;
    sees_calls_ = detail_ != SyscallDetail::kOff && loaded.has("on_sys_exit");
    probes_heap_ = layout.heap_blocks > 0 && loaded.has("on_allocator_return");
    notes_ = std::move(loaded.notes);
    map_arrays();
    set_up_slots();
    attach();
    pin();
  }

  ~BpfSource() override {
    for (const std::string& path : pins_) ::unlink(path.c_str());
    for (const Clock& clock : clocks_) unpin(clock);
    if (!pins_.empty()) ::rmdir(directory_.c_str());
  }

  WindowView window() const override { return view_; }

  void add_target(const ProcessIdentity& process, std::uint32_t target, bool mute) override {
    if (to_arm_.size() >= kArmedAtOnce) arm_threads();
    const auto key = static_cast<__u32>(process.pid);
    const fdr_target named{.start_boottime = process.start_boottime_ns, .target = target, .mute = mute};
    if (bpf_map__update_elem(programs_->maps.targets, &key, sizeof key, &named, sizeof named, BPF_ANY)) {
      const int error = errno;
      forget_named();
      throw system_error("add process " + std::to_string(process.pid) + " to the targets", error);
    }
    to_arm_.push_back(key);
  }

  void arm_threads() override {
    const int error = visit_tasks();
    if (!error) forget_current_threads();
    // From now on children follow their parent's thread. Where nobody was armed, whoever tries again names them anew.
    forget_named();
    if (error) throw system_error("run the task iterator", error);
  }

  void release_slot(std::uint32_t slot) override { bpf_map__update_elem(programs_->maps.free_slots, nullptr, 0, &slot, sizeof slot, BPF_ANY); }

  void renew_lease(Timestamp now) override {
    // While it was over no switch was followed.
    if (view_.control->lease_ns < static_cast<std::uint64_t>(to_ns(now))) forget_current_threads();
    view_.control->renewed_ns = static_cast<std::uint64_t>(to_ns(now));
    __atomic_store_n(&view_.control->lease_ns, static_cast<std::uint64_t>(to_ns(now + kLease)), __ATOMIC_RELEASE);
  }

  std::vector<SideEvent> side_events() override { return side_band_.drain(); }
  std::uint64_t side_lost() const override { return side_band_.lost(); }

  // One that cannot be followed (it has gone again, or there are no more descriptors) is told of once, and tried again at each look.
  void follow_cpus() override {
    std::vector<int> online = online_cpus();
    if (online == online_ || online.empty()) return;  // empty: it could not be read
    // A CPU that went off keeps its slot and its records; its clock is opened anew when it comes back (6.1 gives no tick otherwise).
    std::erase_if(clocks_, [&](const Clock& clock) {
      if (std::find(online.begin(), online.end(), clock.cpu) != online.end()) return false;
      unpin(clock);
      return true;
    });
    std::erase_if(online, [&](int cpu) {
      if (std::find(online_.begin(), online_.end(), cpu) != online_.end()) return false;
      try {
        add_cpu(cpu);
        return false;
      } catch (const Error& error) {
        note_of_cpu(cpu, "CPU " + std::to_string(cpu) + " came online and is not sampled: " + error.what());
        return true;
      }
    });
    online_ = std::move(online);
  }

  std::vector<ErrnoTotal> errors() const override { return read_errors(bpf_map__fd(programs_->maps.errors)); }
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const override {
    return host_tier_ ? read_failing(bpf_map__fd(programs_->maps.failing), layout_.failing()) : std::vector<std::pair<fdr_failing_key, fdr_failing>>{};
  }
  std::span<const fdr_canary> canaries() const override { return canaries_; }
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const override {
    return host_tier_ ? read_ticks(bpf_map__fd(programs_->maps.bystander_ticks), layout_.ticks()) : std::vector<std::pair<std::uint32_t, fdr_ticks>>{};
  }
  std::vector<std::pair<fdr_send_key, fdr_send>> sends() const override {
    if (!programs_->rodata->send_port_count) return {};
    return read_sends(bpf_map__fd(programs_->maps.sends), bpf_map__max_entries(programs_->maps.sends));
  }

  HeapReading heap() const override {
    HeapReading reading;
    if (!heap_counts_) return reading;
    reading.asked = true;
    reading.blocks = read_heap_blocks(bpf_map__fd(programs_->maps.heap_blocks), layout_.heap_blocks);
    reading.stacks = read_heap_stacks(bpf_map__fd(programs_->maps.heap_stacks), layout_.heap_stacks);
    reading.counts = *heap_counts_;
    return reading;
  }
  void forget_heap(const std::set<std::int32_t>& known, Timestamp before) const override {
    fdr::forget_heap(bpf_map__fd(programs_->maps.heap_blocks), layout_.heap_blocks, bpf_map__fd(programs_->maps.heap_stacks), layout_.heap_stacks, known,
                     static_cast<std::uint64_t>(to_ns(before)));
  }
  HeapPrograms heap_programs() const override {
    if (!probes_heap_) return {};
    const auto& programs = programs_->progs;
    if (session_type_) return {.session = bpf_program__fd(programs.on_allocator), .session_type = session_type_};
    return {.entry = bpf_program__fd(programs.on_allocator_entry), .exit = bpf_program__fd(programs.on_allocator_return)};
  }

  std::uint64_t recursion_misses() const override {
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

  std::uint64_t clock_period_ns() const override { return period_ns_; }
  bool survives() const override { return pinned_; }
  std::vector<std::string> notes() const override { return notes_; }

 private:
  struct Clock {
    int cpu;
    Link link;
    std::string pin;  // empty: not pinned
  };

  static void unpin(const Clock& clock) {
    if (!clock.pin.empty()) ::unlink(clock.pin.c_str());
  }

  // One for each, however often it goes off and on.
  void note_of_cpu(int cpu, std::string note) {
    if (noted_cpus_.insert(cpu).second) notes_.push_back(std::move(note));
  }

  // Every task there is, once. 0, or with what errno the kernel refused.
  int visit_tasks() {
    const Link link(bpf_program__attach_iter(programs_->progs.arm_existing, nullptr));
    if (!link) return errno;
    const FileDescriptor iterator(bpf_iter_create(bpf_link__fd(link.get())));
    if (!iterator.valid()) return errno;
    char nothing[64];
    while (::read(iterator.get(), nothing, sizeof nothing) > 0) {
    }
    return 0;
  }

  // A pid may one day be another's.
  void forget_named() {
    for (const __u32 pid : std::exchange(to_arm_, {})) bpf_map__delete_elem(programs_->maps.targets, &pid, sizeof pid, 0);
  }

  // What each CPU remembers of the task it runs was true before.
  void forget_current_threads() { __atomic_fetch_add(&view_.control->arming, 1, __ATOMIC_RELEASE); }

  // Attached to each allocator by itself.
  bool is_of_heap(const bpf_program* program) const {
    const auto& programs = programs_->progs;
    return program == programs.on_allocator || program == programs.on_allocator_entry || program == programs.on_allocator_return;
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
    renew_lease(MonotonicClock::now());
    view_.control->wire_version = FDR_WIRE_VERSION;
    view_.control->backend = FDR_BACKEND_BPF;
    view_.control->lacks = (!sees_calls_ ? +FDR_LACKS_CALLS : detail_ == SyscallDetail::kSummary ? 1 << FDR_SYSCALLS : 0) |
                           (host_tier_ ? 0 : FDR_LACKS_FAILING | 1 << FDR_BYSTANDERS);
    view_.control->recorder = static_cast<fdr_u32>(::getpid());
    __atomic_store_n(&view_.control->magic, std::uint64_t{FDR_MAGIC}, __ATOMIC_RELEASE);
  }

  void add_cpu(int cpu) {
    if (cpu >= FDR_MAX_CPUS) return;
    std::uint16_t& slot = view_.control->slot_of_cpu[cpu];
    if (slot == FDR_NO_SLOT) {
      if (next_slot_ >= layout_.slots) {
        note_of_cpu(cpu, "CPU " + std::to_string(cpu) + " came online and no spare ring was left: what runs there is not recorded");
        return;
      }
      slot = static_cast<std::uint16_t>(next_slot_++);
    }
    if (bpf_program__fd(programs_->progs.on_clock) < 0) return;
    const FileDescriptor event = open_clock(cpu, period_ns_);
    if (!event.valid()) {
      const int error = errno;
      throw system_error("open the clock of CPU " + std::to_string(cpu), error, error == EACCES || error == EPERM ? clock_hint() : "");
    }
    const int of_link = ::fcntl(event.get(), F_DUPFD_CLOEXEC, 0);  // which the link closes
    Link link(bpf_program__attach_perf_event(programs_->progs.on_clock, of_link));
    if (!link) {
      const int error = errno;
      ::close(of_link);
      throw system_error("attach to the clock of CPU " + std::to_string(cpu), error);
    }
    clocks_.push_back({cpu, std::move(link), {}});
    if (!pinned_) return;  // not yet, or nothing is
    std::string problem;
    pin_clock(clocks_.back(), problem);
    if (!problem.empty()) note_of_cpu(cpu, "clock samples of CPU " + std::to_string(cpu) + " end with the recorder (" + problem + ")");
  }

  void attach() {
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, programs_->obj) {
      if (program == programs_->progs.on_clock || program == programs_->progs.arm_existing || is_of_heap(program) || !bpf_program__autoload(program)) continue;
      Link link(bpf_program__attach(program));
      if (!link) throw system_error(std::string("attach ") + bpf_program__name(program), errno);
      links_.push_back(std::move(link));
      link_names_.push_back(bpf_program__name(program));
    }
    online_ = online_cpus();
    for (const int cpu : online_) add_cpu(cpu);  // without a clock there is no recording of this kind
  }

  // The window must outlive us: maps and links are pinned. Where that fails we record on and say so.
  void pin() {
    std::string problem;
    if (make_pin_directory(directory_, &problem)) {
      bpf_map* map = nullptr;
      bpf_object__for_each_map(map, programs_->obj) {
        if (bpf_map__is_internal(map) || bpf_map__fd(map) < 0) continue;
        pin_one(bpf_map__fd(map), bpf_map__name(map), problem);
      }
      for (std::size_t i = 0; i < links_.size(); ++i) pin_one(bpf_link__fd(links_[i].get()), kLinkPin + link_names_[i], problem);
      pin_clocks(problem);
    }
    pinned_ = problem.empty();
    if (!pinned_) notes_.push_back("the window does not survive the recorder (" + problem + ")");
  }

  void pin_clocks(std::string& problem) {
    for (Clock& clock : clocks_) {
      if (!is_bpf_link(bpf_link__fd(clock.link.get()))) {
        notes_.push_back("clock samples end with the recorder: this kernel has no links for perf events (5.15); the rest of its window goes on");
        return;
      }
      pin_clock(clock, problem);
    }
  }

  // Where the kernel has no link for it nothing can be pinned: said once, at the start.
  void pin_clock(Clock& clock, std::string& problem) {
    if (!is_bpf_link(bpf_link__fd(clock.link.get()))) return;
    const std::string path = directory_ + "/" + kClockPin + std::to_string(clock.cpu);
    if (pin_at(bpf_link__fd(clock.link.get()), path, problem)) clock.pin = path;
  }

  void pin_one(int descriptor, const std::string& name, std::string& problem) {
    const std::string path = directory_ + "/" + name;
    if (pin_at(descriptor, path, problem)) pins_.push_back(path);
  }

  static bool pin_at(int descriptor, const std::string& path, std::string& problem) {
    if (bpf_obj_pin(descriptor, path.c_str()) == 0) return true;
    problem = "pin " + path + ": " + std::strerror(errno);
    return false;
  }

  WindowView view_;
  WindowLayout layout_;
  bool host_tier_;
  std::string directory_;
  std::uint64_t period_ns_;
  SyscallDetail detail_;
  std::unique_ptr<window_bpf, DestroyPrograms> owner_;
  window_bpf* programs_ = nullptr;  // of owner_
  bool sees_calls_ = false, probes_heap_ = false;
  std::vector<SharedMapping> mappings_;
  std::span<const fdr_canary> canaries_;
  const fdr_heap_counts* heap_counts_ = nullptr;
  std::uint32_t session_type_ = 0;
  std::vector<Link> links_;
  std::vector<std::string> link_names_;
  std::vector<Clock> clocks_;
  std::vector<std::string> pins_;
  bool pinned_ = false;
  SideBand side_band_{online_cpus()};
  std::vector<std::string> notes_;
  std::set<int> noted_cpus_;
  std::vector<__u32> to_arm_;  // pids in the map `targets`, until their threads are armed
  std::vector<int> online_;
  std::uint32_t next_slot_ = 0;
};

}  // namespace

BpfSupport probe_bpf() {
  BpfSupport support;
  support.btf = ::access("/sys/kernel/btf/vmlinux", R_OK) == 0 && !pretended_missing("btf");
  support.load = !pretended_missing("bpf") && libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_RAW_TRACEPOINT, nullptr) == 1;
  const FileDescriptor clock = open_clock(0, kTrialPeriod);
  support.perf = clock.valid() && !pretended_missing("perf");
  if (!support.perf) support.problem = std::string("perf_event_open: ") + std::strerror(errno);
  if (!support.load) support.problem = "BPF programs cannot be loaded (CAP_BPF and CAP_PERFMON are missing, or the kernel has no BPF)";
  if (!support.btf) support.problem = "the kernel has no BTF (/sys/kernel/btf/vmlinux)";
  if (!has_host_pids()) support.problem = kOtherNumbers;
  return support;
}

BpfComforts probe_bpf_comforts() {
  const FileDescriptor clock = open_clock(0, kTrialPeriod);
  return {.perf_links = has_links(clock.get()), .uprobe_sessions = probe_features().session_type != 0};
}

std::unique_ptr<EventSource> open_bpf_source(const Config& config, const WindowLayout& layout, const std::string& recorder_name) {
  return std::make_unique<BpfSource>(config, layout, recorder_name);
}

}  // namespace fdr
