// A bundle's files, as a reader meets them.
#include <string>
#include <vector>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/manifest.hpp"
#include "formats/modules.hpp"
#include "formats/perfetto_reader.hpp"
#include "formats/perfetto_writer.hpp"
#include "formats/report/report.hpp"
#include "tests/fuzz/targets.hpp"

namespace fdr::fuzz {

namespace {

bool is_json(const std::string& text) { return nlohmann::json::accept(text); }

}  // namespace

void trace(Bytes bytes) {
  Bundle bundle;
  try {
    ReadResult read = read_perfetto(text_of(bytes), {.max_inflated_bytes = 1u << 20, .max_packet_bytes = 1u << 20, .max_records = 10'000});
    FDR_PROMISE(read.complete == read.problem.empty());
    bundle.timeline = std::move(read.timeline);
  } catch (const Error&) {
    return;
  }
  FrameNames names(bundle.timeline.stacks.frames().size());
  FDR_PROMISE(is_json(report_json(bundle, names)));
  FDR_PROMISE(!report_text(bundle, names, {}, {}).empty());
  for (const char* part : {"timeline", "stacks", "threads", "syscalls", "calls", "slow", "failed", "errors", "stalls", "processes", "metrics"})
    FDR_PROMISE(is_json(show_json(bundle, names, part, {})));
}

void manifest(Bytes bytes) {
  try {
    const std::string once = to_json(manifest_from_json(text_of(bytes)));
    FDR_PROMISE(to_json(manifest_from_json(once)) == once);
  } catch (const Error& error) {
    FDR_PROMISE(*error.what() != '\0');
  }
}

void modules(Bytes bytes) {
  try {
    std::size_t damaged = 0;
    const auto read = modules_from_json(text_of(bytes), &damaged);
    StackTable stacks;
    std::vector<ModuleSlice> slices;
    for (const RecordedModule& module : read) {
      for (const auto& function : module.slice.functions) FDR_PROMISE(function.name.size() <= kMaxSliceName);
      process_of(module.module);
      if (stacks.intern_module(module.module) == slices.size()) slices.push_back(module.slice);
    }
    const auto again = modules_from_json(modules_json(stacks, slices), &damaged);
    FDR_PROMISE(again.size() == slices.size());
    for (std::size_t i = 0; i < again.size(); ++i)
      FDR_PROMISE(again[i].slice.functions == slices[i].functions && again[i].slice.nameless == slices[i].nameless);
    FDR_PROMISE(slices_of(stacks, read).size() == slices.size());
  } catch (const Error& error) {
    FDR_PROMISE(*error.what() != '\0');
  }
}

}  // namespace fdr::fuzz
