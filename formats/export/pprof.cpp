#include "formats/export/pprof.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "formats/export/gzip.hpp"
#include "formats/export/pprof_profile.hpp"
#include "formats/findings/sampling.hpp"
#include "formats/report/screen.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

enum Value : std::size_t { kSamples, kOnCpu, kOffCpu, kGrowth, kValues };

bool is_off_cpu(StallKind kind) { return kind != StallKind::kReclaim && kind != StallKind::kCompaction; }

// Sums are of a stranger's numbers: they stop at the top.
void add(std::int64_t& sum, std::uint64_t more) {
  if (more > INT64_MAX || __builtin_add_overflow(sum, static_cast<std::int64_t>(more), &sum)) sum = INT64_MAX;
}

class Exporter {
 public:
  Exporter(const ExportInput& in, PprofFlavour flavour)
      : in_(in), timeline_(in.view.timeline), named_(flavour == PprofFlavour::kNamed) {}

  std::string run() {
    put_header();
    collect();
    put_mappings();
    for (const auto& [key, values] : sums_) put_sample(key, values);
    return gzip(profile_.finish());
  }

 private:
  struct Key {
    StackId stack;
    WalkEnd end;  // of those without a stack
    std::uint32_t thread;
    const char* kind;  // of a stall or of growth, else ""
    bool operator<(const Key& other) const {
      return std::tuple(stack, end, thread, std::string_view(kind)) <
             std::tuple(other.stack, other.end, other.thread, std::string_view(other.kind));
    }
  };

  void put_header() {
    const Manifest& manifest = in_.view.manifest;
    period_ns_ = static_cast<std::int64_t>(1e9 / sampling_frequency(manifest));
    profile_.value_type("samples", "count");
    profile_.value_type("cpu", "nanoseconds");
    profile_.value_type("off_cpu", "nanoseconds");
    profile_.value_type("growth", "bytes");
    profile_.default_type("cpu");
    profile_.period("cpu", "nanoseconds", period_ns_);
    const Timestamp from = in_.view.from(), to = in_.view.to();
    profile_.time(timeline_.anchor.realtime_of(from), (to - from).count());
    profile_.comment(fmt::format("fdr {} on {}, Linux {}", printable(manifest.fdr_version), printable(manifest.host.name),
                                 printable(manifest.host.kernel)));
    profile_.comment(fmt::format("fired {}: {} = {} at {}", printable(manifest.trigger.name), printable(manifest.trigger.when),
                                 printable(manifest.trigger.value_text), utc_text(manifest.trigger.realtime_ns)));
    for (const std::string& loss : loss_sentences(manifest, in_.bundle.problems)) profile_.comment(fmt::format("lost: {}", printable(loss)));
  }

  void collect() {
    const View& view = in_.view;
    for (const StackSample& sample : timeline_.samples) {
      if (!view.in_range(sample.time) || !view.wants_thread(sample.thread)) continue;
      auto& values = of(sample.stack, sample.end, sample.thread, "");
      add(values[kSamples], 1);
      add(values[kOnCpu], static_cast<std::uint64_t>(period_ns_));
    }
    for (const Stall& stall : timeline_.stalls) {
      if (!is_off_cpu(stall.kind) || !view.in_range(stall.begin, stall.length) || !view.wants_thread(stall.thread)) continue;
      add(of(stall.stack, stall.end, stall.thread, stall_kind_name(stall.kind))[kOffCpu],
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, stall.length.count())));
    }
    for (const Growth& growth : timeline_.growth) {
      if (growth.given_back || !view.in_range(growth.time) || !view.wants_thread(growth.thread)) continue;
      add(of(growth.stack, growth.end, growth.thread, growth_kind_name(growth.kind))[kGrowth], growth.bytes);
    }
  }

  std::vector<std::int64_t>& of(StackId stack, WalkEnd end, std::uint32_t thread, const char* kind) {
    if (stack >= timeline_.stacks.stack_count()) stack = kNoStack;
    auto& values = sums_[{stack, stack == kNoStack ? end : WalkEnd::kRoot, thread, kind}];
    values.resize(kValues);
    return values;
  }

  // Files one after another from 1 TB on, page by page; nothing of ours is mapped below. The others keep their addresses.
  void put_mappings() {
    constexpr std::uint64_t kPage = 4096, kFirst = std::uint64_t{1} << 40, kLargest = std::uint64_t{1} << 40;
    const auto& modules = timeline_.stacks.modules();
    std::vector<std::uint64_t> least(modules.size(), UINT64_MAX), most(modules.size(), 0);
    std::vector<bool> has_names(modules.size(), false);
    for (const Frame& frame : timeline_.stacks.frames()) {
      if (frame.module >= modules.size()) continue;
      least[frame.module] = std::min(least[frame.module], frame.offset);
      most[frame.module] = std::max(most[frame.module], frame.offset);
      if (!frame.name.empty()) has_names[frame.module] = true;
    }
    std::uint64_t next = kFirst;
    for (std::size_t i = 0; i < modules.size(); ++i) {
      const Module& module = modules[i];
      const std::uint64_t end = most[i] > UINT64_MAX - kPage ? UINT64_MAX : (most[i] / kPage + 1) * kPage;
      const bool in_file = module.kind == ModuleKind::kFile || module.kind == ModuleKind::kVdso;
      PprofMapping mapping;
      mapping.file = module.kind == ModuleKind::kKernel ? "[kernel.kallsyms]" : printable(module.path);
      mapping.build_id = printable(module.build_id);
      mapping.named = named_ || has_names[i];
      bases_.push_back(0);
      if (in_file && end <= kLargest) {
        bases_.back() = mapping.start = next;
        mapping.limit = next += end;
      } else {
        mapping.start = least[i] / kPage * kPage;
        mapping.limit = end;
      }
      mapping_ids_.push_back(profile_.mapping(mapping));
    }
    location_ids_.resize(timeline_.stacks.frames().size());
  }

  std::uint64_t location_of(std::uint32_t frame) {
    std::uint64_t& id = location_ids_[frame];
    if (id != 0) return id;
    const Frame& f = timeline_.stacks.frames()[frame];
    std::vector<PprofLine> lines;
    if (named_ || !f.name.empty()) {
      if (frame < in_.names.size())
        for (const SourceFrame& source : in_.names[frame])
          if (!source.function.empty()) lines.push_back({printable(source.function), printable(source.file), source.line});
      if (lines.empty()) lines.push_back({printable(timeline_.stacks.frame_label(frame)), "", 0});
    }
    return id = profile_.location(mapping_ids_[f.module], bases_[f.module] + f.offset, lines);
  }

  // A sample without a stack counts all the same: shares are then of the whole.
  std::uint64_t location_without(WalkEnd end) {
    auto [known, fresh] = without_.try_emplace(end, 0);
    if (fresh) known->second = profile_.location(0, 0, {{fmt::format("(no stack: {})", walk_end_name(end)), "", 0}});
    return known->second;
  }

  void put_sample(const Key& key, const std::vector<std::int64_t>& values) {
    std::vector<std::uint64_t> locations;
    for (const std::uint32_t frame : timeline_.stacks.stack(key.stack)) locations.push_back(location_of(frame));
    std::reverse(locations.begin(), locations.end());
    if (locations.empty()) locations.push_back(location_without(key.end));
    std::vector<PprofLabel> labels;
    const Thread* thread = thread_at(timeline_, key.thread);
    const Process* process = thread ? process_at(timeline_, thread->process) : nullptr;
    if (process) labels.push_back({"process", printable(process->name), 0});
    if (process) labels.push_back({"pid", "", process->pid});
    if (thread) labels.push_back({"thread", printable(thread->name), 0});
    if (thread) labels.push_back({"tid", "", thread->tid});
    if (*key.kind) labels.push_back({"kind", key.kind, 0});
    profile_.sample(locations, values, labels);
  }

  const ExportInput& in_;
  const Timeline& timeline_;
  const bool named_;
  std::int64_t period_ns_ = 0;
  PprofProfile profile_;
  std::map<Key, std::vector<std::int64_t>> sums_;
  std::vector<std::uint64_t> bases_, mapping_ids_, location_ids_;  // of modules, modules, frames
  std::map<WalkEnd, std::uint64_t> without_;
};

}  // namespace

std::string export_pprof(const ExportInput& in, PprofFlavour flavour) { return Exporter(in, flavour).run(); }

}  // namespace fdr
