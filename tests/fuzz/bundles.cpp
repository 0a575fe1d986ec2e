// A bundle's files, as a reader meets them.
#include <string>
#include <vector>

#include "formats/error.hpp"
#include "formats/history_code.hpp"
#include "formats/history_image.hpp"
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

// The rows and looks of a chunk, which its checksum keeps from being reached by chance; sealed again, they are a file's.
void history(Bytes bytes) {
  if (const auto rows = decode_history_rows(bytes)) {
    for (const HistoryRows::Column& column : rows->columns) FDR_PROMISE(column.values.size() == rows->rows);
    FDR_PROMISE(rows->rows <= kMaxHistoryRows);
    const std::string once = encode_history_rows(*rows);
    const auto again = decode_history_rows({reinterpret_cast<const std::uint8_t*>(once.data()), once.size()});
    FDR_PROMISE(again && again->rows == rows->rows && again->columns.size() == rows->columns.size());
  }
  if (const auto looks = decode_history_movers(bytes))
    for (const HistoryMovers& look : *looks) FDR_PROMISE(look.processes.size() <= kMaxMovers);
  const std::string sealed = seal_history_chunk(1, text_of(bytes));
  const auto chunk = find_history_chunk({reinterpret_cast<const std::uint8_t*>(sealed.data()), sealed.size()});
  FDR_PROMISE(chunk && history_contents(*chunk) == text_of(bytes));
  try {
    const History read = read_history(bytes);
    FDR_PROMISE(read.metrics.size() <= kMaxHistoryMetrics);
    FDR_PROMISE(!history_bytes(read).empty());
  } catch (const Error& error) {
    FDR_PROMISE(*error.what() != '\0');
  }
}

}  // namespace fdr::fuzz
