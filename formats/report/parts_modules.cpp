// Rows about the files whose code appears in stacks: how much of it, how whole the stacks through it are, how it was
// named and what would name more.
#include <algorithm>
#include <numeric>
#include <vector>

#include "formats/figures/module_notes.hpp"
#include "formats/modules.hpp"
#include "formats/report/parts.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

struct Samples {
  std::uint64_t all = 0, complete = 0;
};

// Of each module: samples with a frame of it.
std::vector<Samples> samples_by_module(const View& view) {
  const StackTable& stacks = view.timeline.stacks;
  std::vector<std::vector<std::uint32_t>> modules_of(stacks.stack_count());
  std::vector<Samples> samples(stacks.modules().size());
  for (const StackSample& sample : view.timeline.samples) {
    if (sample.stack >= modules_of.size() || !view.in_range(sample.time) || !view.passes_filter(sample.thread)) continue;
    std::vector<std::uint32_t>& modules = modules_of[sample.stack];
    if (modules.empty()) {
      for (const std::uint32_t frame : stacks.stack(sample.stack)) modules.push_back(stacks.frames()[frame].module);
      std::sort(modules.begin(), modules.end());
      modules.erase(std::unique(modules.begin(), modules.end()), modules.end());
    }
    for (const std::uint32_t module : modules) {
      ++samples[module].all;
      samples[module].complete += sample.end == WalkEnd::kRoot;
    }
  }
  return samples;
}

}  // namespace

Json module_rows(const PartInput& in) {
  const StackTable& stacks = in.view.timeline.stacks;
  const std::size_t count = stacks.modules().size();
  std::vector<ModuleNaming> naming(count);
  for (const ModuleNaming& one : in.bundle.naming)
    if (one.module < count) naming[one.module] = one;
  for (ModuleNaming& one : naming) one.frames = 0;
  for (const Frame& frame : stacks.frames())
    if (frame.module < count) ++naming[frame.module].frames;
  const std::vector<ModuleSlice> slices = slices_of(stacks, in.bundle.modules);
  const std::vector<Samples> samples = samples_by_module(in.view);
  Json rows = Json::array();
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return samples[a].all > samples[b].all; });
  for (const std::size_t i : order) {
    const Module& module = stacks.modules()[i];
    const double of_samples = static_cast<double>(samples[i].all);
    rows.push_back({{"path", valid_utf8(module.path)},
                    {"build_id", valid_utf8(module.build_id)},
                    {"kind", module_kind_name(module.kind)},
                    {"frames", naming[i].frames},
                    {"named", naming[i].named},
                    {"source", valid_utf8(naming[i].source)},
                    {"samples", samples[i].all},
                    {"share_complete", samples[i].all ? Json(static_cast<double>(samples[i].complete) / of_samples) : Json(nullptr)},
                    {"complete_percent", samples[i].all ? Json(100.0 * static_cast<double>(samples[i].complete) / of_samples) : Json(nullptr)},
                    {"recorded_functions", slices[i].functions.size()},
                    {"left_out", slices[i].left_out},
                    {"help", naming[i].named < naming[i].frames ? valid_utf8(naming_help(in.view.timeline, naming[i])) : ""}});
  }
  return rows;
}

}  // namespace fdr
