#include "recorder/dump/dumper.hpp"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "formats/history_image.hpp"
#include "recorder/baselines/baseline_store.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/decode/failing.hpp"
#include "recorder/decode/module_sources.hpp"
#include "recorder/decode/sums.hpp"
#include "recorder/dump/memory_now.hpp"
#include "recorder/go/go_evidence.hpp"
#include "recorder/logs/log_file.hpp"
#include "recorder/system/quiet_thread.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "unwind/live/jit_frames.hpp"
#include "unwind/symbol_slices.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostScreen = 64u << 10;  // of summary.txt

// A tenth of a CPU beside one busy thread. At 19 it was a seventieth, and 0.4 s of work took half a minute on a full host: the
// hosts on which bundles are written.
constexpr int kNice = 10;

// A thread takes 20 to 65 us; the records wait meanwhile, and are being overwritten. A process whose memory gets locked just then is waited for
// once (patience.hpp).
constexpr Duration kSleepersAtMost = std::chrono::milliseconds(300);

// Who began later has no place in the window.
std::vector<LivingProcess> living_at(Timestamp time, const ClockAnchor& clock) {
  std::vector<LivingProcess> living = living_processes();
  const std::int64_t end = clock.boottime_of(time);
  std::erase_if(living, [&](const LivingProcess& process) { return static_cast<std::int64_t>(process.start_boottime_ns) > end; });
  return living;
}

// Files of a process that lives are looked up in its map_files, which takes its mmap lock: of one whose memory is locked those must do that are
// held open, as of one that is gone.
void leave_out_locked(MomentCopy& moment) {
  if (moment.past) return;
  for (const auto& [key, tracked] : moment.processes.processes()) {
    const Process& process = tracked.process;
    if (!process.ended && !moment.gone.contains(process.pid) && !memory_answers(process.pid)) moment.gone.insert(process.pid);
  }
}

}  // namespace

Dumper::Dumper(DumpRequest request, const Snapshot& first, MomentCopy at_firing, std::function<void()> done)
    : request_(std::move(request)), first_(first), at_firing_(std::move(at_firing)), done_(std::move(done)), thread_(quiet_thread("fdr-dump", kNice, [this] { work(); })) {}

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

// By this thread, and not by who is told of the result: a disk, or the server behind it, may take its time. What fails here takes nothing away from a bundle
// that is there.
void Dumper::tidy() noexcept {
  try {
    if (result_.path.empty()) return;
    result_.screen = read_small_file(result_.path + "/summary.txt", kMostScreen).value_or("");
    if (request_.retention.keep) keep_newest(request_.place.directory, request_.retention.keep, request_.retention.max_bytes, result_.path);
  } catch (const std::exception&) {  // no memory: the next dump does it
  }
}

void Dumper::work() {
  tid_ = static_cast<int>(::syscall(SYS_gettid));
  try {
    Timeline timeline;
    std::vector<FileDescriptor> found;
    ModuleFiles files(while_recording());
    const std::set<std::int32_t> ended = ended_processes(at_firing_);
    leave_out_locked(at_firing_);
    add_module_sources(files, at_firing_, found);
    const KernelSymbols kernel = KernelSymbols::load();
    Decoder decoder(timeline, files, kernel, request_.begin);
    decoder.use_processes(at_firing_.processes);
    if (!at_firing_.past) decoder.read_sleeping(at_firing_.threads, MonotonicClock::now(), kSleepersAtMost);
    const std::vector<GoSnapshot> go = read_go(at_firing_.go);
    decoder.decode(first_);
    decoded_ = true;
    TextFiles go_texts = go_files(go);
    name_jit_frames(timeline.stacks, ended);
    std::unique_lock lock(mutex_);
    completed_.wait(lock, [this] { return ending_ || abandoned_; });
    if (!ending_) return;
    Ending& ending = *ending_;
    lock.unlock();
    ending.ended = ended_processes(ending.moment);
    leave_out_locked(ending.moment);
    add_module_sources(files, ending.moment, found);
    ending.rest.texts.merge(go_texts);
    write(decoder, files, timeline, ending);
  } catch (const Error& error) {
    failed(error.what(), error.hint());
  } catch (const std::bad_alloc&) {
    failed("no memory", {});
  } catch (const std::exception& error) {
    failed(error.what(), {});
  }
  tidy();
  result_.seconds = to_seconds(cpu_time_with_reads());
  decoded_ = true;
  done_();
}

// Where not even that can be kept, a word that needs no memory.
void Dumper::failed(const char* error, const std::string& hint) noexcept {
  try {
    result_.path.clear();
    result_.error = error;
    result_.hint = hint;
  } catch (const std::exception&) {
    result_.error.assign("no memory", 9);
  }
}

void Dumper::write(Decoder& decoder, ModuleFiles& files, Timeline& timeline, Ending& ending) {
  const MomentCopy& end = ending.moment;
  decoder.use_processes(end.processes);
  decoder.decode(*ending.second);
  decoder.decode_open_stalls(end.threads, end.parked, end.time, request_.open_stall_least);
  if (ending.rest.heap.asked) ending.rest.texts[kAllocationsFile] = held_json(decoder.decode_held(ending.rest.heap));
  decoder.finish(end.time);
  if (!end.past) settle_by_memory(timeline, end.time);
  const std::vector<std::string> jit_problems = name_jit_frames(timeline.stacks, ending.ended);

  Manifest& manifest = request_.manifest;
  timeline.machine = manifest.host.machine;
  timeline.kernel = manifest.host.kernel;
  timeline.cpus = manifest.host.cpus;
  timeline.anchor = manifest.clock;
  timeline.begin = request_.begin;
  timeline.end = end.time;
  for (const SummaryRow& row : ending.rest.summary) {
    if (row.begin + row.interval < request_.begin) continue;
    timeline.summary.push_back(decoded_sum(row, row.tgid ? decoder.process_index(row.tgid, row.begin + row.interval) : kNoIndex));
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

  BundleParts parts{.timeline = timeline, .slices = symbol_slices(timeline.stacks, files), .ledger = std::move(ending.rest.ledger), .files = std::move(ending.rest.texts)};
  fit_slices(timeline, parts.slices);
  if (!ending.rest.history.empty()) parts.files["history.fdrh"] = history_bytes(ending.rest.history);
  std::vector<std::string> losses = heap_losses(ending.rest.heap);
  losses.insert(losses.end(), jit_problems.begin(), jit_problems.end());
  if (!ending.rest.baselines.empty()) add_baselines(ending.rest.baselines, manifest.clock.realtime_of(request_.begin), parts.files, losses);
  add_collected(ending.rest.collecting, parts.files, losses);
  LogFile logs = make_log_file(ending.rest.logs_at_firing, ending.rest.logs_at_end, request_.begin, manifest.clock);
  if (!logs.text.empty()) parts.files["logs.ndjson"] = std::move(logs.text);
  losses.insert(losses.end(), logs.losses.begin(), logs.losses.end());
  WrittenBundle written = write_stepwise(parts, request_.trigger, request_.place, [&](Manifest& filled) {
    filled = manifest;
    ending.finish_manifest(filled, decoder.counts(), to_seconds(cpu_time_with_reads()));
    filled.losses.insert(filled.losses.end(), losses.begin(), losses.end());
  });
  result_.path = std::move(written.path);
  result_.reduced = std::move(written.reduced);
  result_.hint = std::move(written.hint);
}

}  // namespace fdr
