#include "recorder/baselines/baseline_cut.hpp"



#include "formats/bundle_writer.hpp"
#include "formats/compare/baseline.hpp"
#include "formats/error.hpp"
#include "recorder/baselines/baseline_schedule.hpp"
#include "recorder/baselines/baseline_store.hpp"
#include "recorder/baselines/quiet_slice.hpp"
#include "recorder/bundles/retention.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/decode/decoder.hpp"
#include "recorder/decode/module_sources.hpp"
#include "recorder/decode/sums.hpp"
#include "recorder/system/disk_room.hpp"
#include "recorder/system/quiet_thread.hpp"
#include "unwind/live/jit_frames.hpp"
#include "unwind/symbol_slices.hpp"

namespace fdr {
namespace {

constexpr int kNice = 15;  // it has an hour's time
constexpr std::size_t kNameBytes = 60'000, kManifestBytes = 8'000;

// Everything that was recorded of the slice, decoded.
Timeline decoded(const BaselineInput& input, ModuleFiles& files) {
  Timeline timeline;
  const KernelSymbols kernel = KernelSymbols::load();
  Decoder decoder(timeline, files, kernel, input.begin);
  decoder.use_processes(input.moment.processes);
  decoder.decode(input.recent);
  decoder.finish(input.moment.time);
  name_jit_frames(timeline.stacks, ended_processes(input.moment));
  for (const SummaryRow& row : input.summary)
    timeline.summary.push_back(decoded_sum(row, row.tgid ? decoder.process_index(row.tgid, row.begin + row.interval) : kNoIndex));
  timeline.metrics = input.metrics;
  timeline.machine = input.manifest.host.machine;
  timeline.kernel = input.manifest.host.kernel;
  timeline.cpus = input.manifest.host.cpus;
  timeline.anchor = input.manifest.clock;
  return timeline;
}

struct Packed {
  Timeline slice;
  std::string trace, modules;
  std::size_t bytes() const { return trace.size() + modules.size() + kManifestBytes; }
};

Packed packed(const Timeline& all, Timestamp begin, Timestamp end, ModuleFiles& files) {
  Packed made;
  made.slice = quiet_slice(all, begin, end);
  write_perfetto(made.slice, {}, [&](std::string_view bytes) { made.trace.append(bytes); });
  std::vector<ModuleSlice> names = symbol_slices(made.slice.stacks, files);
  fit_slices(made.slice, names, kNameBytes);
  made.modules = modules_json(made.slice.stacks, names);
  return made;
}

}  // namespace

BaselineCut::BaselineCut(BaselineInput input) : input_(std::move(input)) {
  thread_ = quiet_thread("fdr-baseline", kNice, [this] { work(); });
}

BaselineCut::~BaselineCut() { thread_.join(); }

void BaselineCut::work() {
  try {
    cut();
  } catch (const std::exception& error) {
    result_.error = error.what();
  }
  result_.cpu_seconds = to_seconds(thread_cpu_time());
  done_ = true;
}

void BaselineCut::cut() {
  check_keep_free(input_.directory, input_.keep_free_percent);
  std::vector<FileDescriptor> found;
  ModuleFiles files(while_recording());
  add_module_sources(files, input_.moment, found);
  const Timeline all = decoded(input_, files);
  const Timestamp end = input_.moment.time;
  Timestamp begin = slice_begin(all, input_.begin, end);
  Packed made = packed(all, begin, end, files);
  while (made.bytes() > kMostBaselineBytes && end - begin > BaselineSchedule::kLeast) {
    begin += (end - begin) / 2;
    made = packed(all, begin, end, files);
  }
  if (end - begin < BaselineSchedule::kLeast || made.bytes() > kMostBaselineBytes) throw Error("too much went on for a small slice of it to say anything");

  Manifest& manifest = input_.manifest;
  manifest.window.start_ns = to_ns(begin);
  manifest.window.end_ns = to_ns(end);
  manifest.window.before_s = to_seconds(end - begin);
  for (const StackSample& sample : made.slice.samples) {
    ++manifest.stacks.samples;
    manifest.stacks.complete += sample.end == WalkEnd::kRoot;
    ++manifest.stacks.reasons[walk_end_name(sample.end)];
  }
  BundleWriter writer(input_.directory, utc_compact(manifest.trigger.realtime_ns) + "." + input_.kind);
  try {
    writer.add_file("trace.pftrace", made.trace);
    writer.add_file("modules.json", made.modules);
    result_.path = writer.finish(manifest);
    result_.bytes = writer.bytes_written();
  } catch (...) {
    writer.abandon();
    throw;
  }
  remove_superseded(input_.directory, manifest.trigger.realtime_ns);
  remove_abandoned(input_.directory, 0);  // of a recorder that died while it wrote one
}

}  // namespace fdr
