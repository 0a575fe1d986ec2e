#include "recorder/dumper.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "formats/bundle_writer.hpp"
#include "formats/history_image.hpp"
#include "formats/report/report.hpp"
#include "recorder/decode/failing.hpp"
#include "recorder/go_evidence.hpp"
#include "recorder/logs/log_file.hpp"
#include "recorder/memory_now.hpp"
#include "recorder/own_vdso.hpp"
#include "recorder/proc_reader.hpp"
#include "recorder/self_cost.hpp"
#include "recorder/small_file.hpp"
#include "unwind/jit_frames.hpp"
#include "unwind/symbol_slices.hpp"
#include "unwind/symbolizer.hpp"

namespace fdr {
namespace {

// A tenth of a CPU beside one busy thread. At 19 it was a seventieth, and 0.4 s of work took half a minute on a full host: the
// hosts on which bundles are written.
constexpr int kNice = 10;

// A thread takes 20 to 65 us; the records wait meanwhile, and are being overwritten.
constexpr Duration kSleepersAtMost = std::chrono::milliseconds(300);

// What was held is the file that ran, whatever became of its path. The others are best read through their process while it lives: deleted,
// replaced, or in another mount namespace, they are still there.
void add_sources(ModuleFiles& files, const MomentCopy& moment) {
  std::set<Module> done;
  for (const auto& [module, file] : moment.files.files()) files.add_source(module, HeldFiles::path(file));
  for (const auto& [key, tracked] : moment.processes.processes()) {
    if (tracked.process.ended || moment.gone.contains(tracked.process.pid)) continue;
    for (const auto& space : tracked.spaces) {
      for (const Mapping& mapping : space.space->mappings()) {
        if (mapping.module.kind != ModuleKind::kFile || !done.insert(mapping.module).second) continue;
        files.add_source(mapping.module, fmt::format("/proc/{}/map_files/{:x}-{:x}", tracked.process.pid, mapping.start, mapping.end));
        files.add_source(mapping.module, fmt::format("/proc/{}/root{}", tracked.process.pid, mapping.module.path));
      }
    }
  }
}

void add_vdso(ModuleFiles& files, const ProcessTable& table) {
  std::set<Module> done;
  for (const auto& [key, tracked] : table.processes())
    for (const auto& space : tracked.spaces)
      for (const Mapping& mapping : space.space->mappings())
        if (mapping.module.kind == ModuleKind::kVdso && done.insert(mapping.module).second)
          if (auto image = own_vdso()) files.add_image(mapping.module, std::move(image));
}

// Who began later has no place in the window.
std::vector<LivingProcess> living_at(Timestamp time, const ClockAnchor& clock) {
  std::vector<LivingProcess> living = living_processes();
  const std::int64_t end = clock.boottime_of(time);
  std::erase_if(living, [&](const LivingProcess& process) { return static_cast<std::int64_t>(process.start_boottime_ns) > end; });
  return living;
}

// A pid that was used again names the one that lives.
std::set<std::int32_t> ended_processes(const ProcessTable& table) {
  std::set<std::int32_t> pids;
  for (const auto& [key, tracked] : table.processes())
    if (tracked.process.ended && !table.known(tracked.process.pid)) pids.insert(tracked.process.pid);
  return pids;
}

}  // namespace

Dumper::Dumper(DumpRequest request, const Snapshot& first, MomentCopy at_firing, std::function<void()> done)
    : request_(std::move(request)), first_(first), at_firing_(std::move(at_firing)), done_(std::move(done)), thread_([this] { work(); }) {}

Dumper::~Dumper() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  completed_.notify_all();
  thread_.join();
}

void Dumper::hurry() {
  if (const int tid = tid_.exchange(0)) ::setpriority(PRIO_PROCESS, static_cast<id_t>(tid), 0);
}

void Dumper::complete(const Snapshot& second, MomentCopy at_end, DumpRest rest,
                      std::function<void(Manifest&, const DecodeCounts&, double)> finish_manifest) {
  {
    const std::lock_guard lock(mutex_);
    ending_.emplace(Ending{&second, std::move(at_end), std::move(rest), std::move(finish_manifest)});
  }
  completed_.notify_all();
}

void Dumper::work() {
  // Of this thread only (setpriority takes a tid): the targets come first.
  tid_ = static_cast<int>(::syscall(SYS_gettid));
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(tid_), kNice);
  try {
    Timeline timeline;
    ModuleFiles files;
    add_sources(files, at_firing_);
    add_vdso(files, at_firing_.processes);
    const KernelSymbols kernel = KernelSymbols::load();
    Decoder decoder(timeline, files, kernel, request_.begin);
    decoder.use_processes(at_firing_.processes);
    if (!at_firing_.past) decoder.read_sleeping(at_firing_.threads, MonotonicClock::now(), kSleepersAtMost);
    const std::vector<GoSnapshot> go = read_go(at_firing_.go);
    decoder.decode(first_);
    decoded_ = true;
    TextFiles go_texts = go_files(go);
    name_jit_frames(timeline.stacks, ended_processes(at_firing_.processes));
    std::unique_lock lock(mutex_);
    completed_.wait(lock, [this] { return ending_ || abandoned_; });
    if (!ending_) return;
    Ending& ending = *ending_;
    lock.unlock();
    add_sources(files, ending.moment);
    add_vdso(files, ending.moment.processes);
    ending.rest.texts.merge(go_texts);
    write(decoder, files, timeline, ending);
  } catch (const Error& error) {
    result_.error = error.what();
    result_.hint = error.hint();
  } catch (const std::exception& error) {
    result_.error = error.what();
  }
  result_.seconds = to_seconds(thread_cpu_time());
  decoded_ = true;
  done_();
}

void Dumper::write(Decoder& decoder, ModuleFiles& files, Timeline& timeline, Ending& ending) {
  const MomentCopy& end = ending.moment;
  decoder.use_processes(end.processes);
  decoder.decode(*ending.second);
  decoder.decode_open_stalls(end.threads, end.parked, end.time, request_.open_stall_least);
  if (ending.rest.heap.asked) ending.rest.texts[kAllocationsFile] = held_json(decoder.decode_held(ending.rest.heap));
  decoder.finish(end.time);
  if (!end.past) settle_by_memory(timeline, end.time);
  const std::vector<std::string> jit_problems = name_jit_frames(timeline.stacks, ended_processes(end.processes));

  Manifest& manifest = request_.manifest;
  timeline.machine = manifest.host.machine;
  timeline.kernel = manifest.host.kernel;
  timeline.cpus = manifest.host.cpus;
  timeline.anchor = manifest.clock;
  timeline.begin = request_.begin;
  timeline.end = end.time;
  for (const SummaryRow& row : ending.rest.summary) {
    if (row.begin + row.interval < request_.begin) continue;
    SyscallSummary summary;
    summary.begin = row.begin;
    summary.interval = row.interval;
    summary.process = row.tgid ? decoder.process_index(row.tgid, row.begin + row.interval) : kNoIndex;
    summary.number = row.nr & FDR_NR_MASK;
    summary.abi = row.nr & FDR_NR_COMPAT ? SyscallAbi::kCompat : row.nr & FDR_NR_X32 ? SyscallAbi::kX32 : SyscallAbi::kNative;
    summary.calls = row.calls;
    summary.errors = row.errors;
    summary.wall = Duration{static_cast<std::int64_t>(row.wall_ns)};
    summary.cpu = Duration{static_cast<std::int64_t>(row.cpu_ns)};
    summary.max = Duration{static_cast<std::int64_t>(row.max_ns)};
    static_assert(kHistogramBuckets == FDR_HISTOGRAM);
    std::copy(std::begin(row.histogram), std::end(row.histogram), summary.histogram.begin());
    timeline.summary.push_back(summary);
  }
  for (const ErrnoTotal& total : ending.rest.errors)
    timeline.errors.push_back({decoder.process_index(total.tgid, end.time), static_cast<std::uint16_t>(total.nr & FDR_NR_MASK), total.error, total.count});
  timeline.failing = decode_failing(ending.rest.failing, request_.begin, ending.rest.failing_shift);
  if (ending.rest.host_tier) decoder.bystanders().finish(living_at(end.time, manifest.clock), ending.rest.bystander_ticks, request_.begin, manifest.clock, timeline.processes);
  timeline.metrics = std::move(ending.rest.metrics);
  timeline.life.push_back({request_.trigger.time, LifeKind::kTrigger, kNoIndex, request_.trigger.name, 0});
  std::stable_sort(timeline.life.begin(), timeline.life.end(), [](const LifeEvent& a, const LifeEvent& b) { return a.time < b.time; });

  manifest.anchors = ending.rest.anchors;
  manifest.stacks = {};
  manifest.stacks.copied = decoder.counts().copied_samples;
  for (const StackSample& sample : timeline.samples) {
    ++manifest.stacks.samples;
    if (sample.end == WalkEnd::kRoot) ++manifest.stacks.complete;
    ++manifest.stacks.reasons[walk_end_name(sample.end)];
  }
  manifest.window.start_ns = to_ns(request_.begin);
  manifest.window.end_ns = to_ns(end.time);

  BundleWriter writer(request_.directory, request_.bundle_name);
  try {
    writer.add_trace(timeline, request_.trigger);
    std::vector<ModuleSlice> slices = symbol_slices(timeline.stacks, files);
    fit_slices(timeline, slices);
    writer.add_modules(timeline.stacks, slices);
    writer.add_file("ledger.ndjson", ending.rest.ledger);
    if (!ending.rest.history.empty()) writer.add_file("history.fdrh", history_bytes(ending.rest.history));
    std::vector<std::string> collector_losses;
    add_collected(ending.rest.collecting, ending.rest.texts, collector_losses);
    LogFile logs = make_log_file(ending.rest.logs_at_firing, ending.rest.logs_at_end, request_.begin, manifest.clock);
    if (!logs.text.empty()) ending.rest.texts["logs.ndjson"] = std::move(logs.text);
    for (const auto& [path, text] : ending.rest.texts) writer.add_file(path, text);
    ending.finish_manifest(manifest, decoder.counts(), to_seconds(thread_cpu_time()));
    const std::vector<std::string> heap_lost = heap_losses(ending.rest.heap);
    manifest.losses.insert(manifest.losses.end(), heap_lost.begin(), heap_lost.end());
    manifest.losses.insert(manifest.losses.end(), jit_problems.begin(), jit_problems.end());
    manifest.losses.insert(manifest.losses.end(), collector_losses.begin(), collector_losses.end());
    manifest.losses.insert(manifest.losses.end(), logs.losses.begin(), logs.losses.end());
    writer.add_file("summary.txt", summary_text(manifest, timeline, recorded_names(timeline.stacks, slices)));
    result_.path = writer.finish(manifest);
  } catch (...) {
    writer.abandon();
    throw;
  }
}

}  // namespace fdr
