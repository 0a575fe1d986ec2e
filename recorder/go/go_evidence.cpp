#include "recorder/go/go_evidence.hpp"

#include <fmt/format.h>

#include <cmath>

#include "formats/json_text.hpp"
#include "formats/text.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "unwind/go_places.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxPrograms = 16, kMaxRows = 2000;

Json list_of(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(valid_utf8(text));
  return list;
}

Json goroutine_rows(const GoSnapshot& snapshot, const GoPlaces& places) {
  Json rows = Json::array();
  for (const GoroutineGroup& group : grouped(snapshot.goroutines, snapshot.program->runtime, places)) {
    if (rows.size() == kMaxRows) break;
    const double waited = static_cast<double>(to_ns(snapshot.at)) - static_cast<double>(group.oldest_wait);
    rows.push_back({{"count", group.count},
                    {"wait", valid_utf8(group.wait)},
                    {"function", valid_utf8(group.function)},
                    {"place", valid_utf8(group.place)},
                    {"created_by", valid_utf8(group.created_by)},
                    {"created_place", valid_utf8(group.created_place)},
                    {"system", group.system},
                    {"walked", group.walked},
                    {"waiting_s", group.oldest_wait && waited > 0 ? Json(waited / 1e9) : Json(nullptr)},
                    {"stack", list_of(group.stack)}});
  }
  return rows;
}

std::string goroutines_json(const GoSnapshot& snapshot, const GoPlaces& places) {
  const Goroutines& goroutines = snapshot.goroutines;
  const auto& start = snapshot.program->goroutines_at_start;
  std::uint64_t system = 0;
  const Duration begin = thread_cpu_time();
  Json rows = goroutine_rows(snapshot, places);
  const Duration cost = snapshot.cost + (thread_cpu_time() - begin);
  for (const Json& row : rows)
    if (row["system"].get<bool>()) system += row["count"].get<std::uint64_t>();
  return dump_json({{"version", valid_utf8(snapshot.program->runtime.version)},
                    {"problem", goroutines.problem},
                    {"at_ns", to_ns(snapshot.at)},
                    {"goroutines", goroutines.all.size() - system},
                    {"system", system},
                    {"start_ns", to_ns(snapshot.program->seen)},
                    {"at_start", start ? Json(*start) : Json(nullptr)},
                    {"in_all", goroutines.in_all},
                    {"unread", goroutines.unread},
                    {"cut", goroutines.cut},
                    {"cost_ms", to_seconds(cost) * 1e3},
                    {"rows", std::move(rows)}});
}

std::string heap_json(const GoSnapshot& snapshot, const GoPlaces& places) {
  const HeapProfile& start = snapshot.program->heap_at_start;
  const bool comparable = start.problem.empty();
  Json rows = Json::array();
  for (const HeapSite& site : heap_sites(comparable ? start : HeapProfile{}, snapshot.heap, snapshot.program->runtime, places)) {
    if (rows.size() == kMaxRows) break;
    rows.push_back({{"function", valid_utf8(site.function)},
                    {"place", valid_utf8(site.place)},
                    {"in_use_bytes", std::llround(site.in_use_bytes)},
                    {"grown_bytes", comparable ? Json(std::llround(site.grown_bytes)) : Json(nullptr)},
                    {"alloc_bytes", std::llround(site.allocated_bytes)},
                    {"alloc_since_start_bytes", comparable ? Json(std::llround(site.allocated_since_bytes)) : Json(nullptr)},
                    {"stack", list_of(site.stack)}});
  }
  return dump_json({{"version", valid_utf8(snapshot.program->runtime.version)},
                    {"problem", snapshot.heap.problem},
                    {"at_ns", to_ns(snapshot.at)},
                    {"start_ns", comparable ? Json(to_ns(snapshot.program->seen)) : Json(nullptr)},
                    {"sampled_every_bytes", snapshot.heap.rate},
                    {"rows", std::move(rows)}});
}

}  // namespace

std::vector<GoSnapshot> read_go(const GoProgramList& programs) {
  std::vector<GoSnapshot> snapshots;
  for (const auto& program : programs) {
    if (snapshots.size() == kMaxPrograms) break;
    const std::string file = fmt::format("/proc/{}/exe", program->pid);
    if (!answers(file)) continue;
    std::string problem;
    GoSnapshot snapshot{.program = program, .image = ElfImage::open(file, &problem), .at = {}, .cost = {},
                        .goroutines = {}, .heap = {}};
    const auto table = snapshot.image ? GoPclntab::of(*snapshot.image, &problem) : std::nullopt;
    if (!table) continue;
    const RemoteMemory memory = patient_memory_of(program->pid);
    snapshot.at = MonotonicClock::now();
    const Duration begin = cpu_time_with_reads();
    snapshot.goroutines = read_goroutines(program->runtime, *table, memory);
    snapshot.cost = cpu_time_with_reads() - begin;
    snapshot.heap = read_heap(program->runtime, memory);
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

TextFiles go_files(const std::vector<GoSnapshot>& snapshots) {
  TextFiles files;
  for (const GoSnapshot& snapshot : snapshots) {
    std::string problem;
    const auto table = GoPclntab::of(*snapshot.image, &problem);
    if (!table) continue;
    const GoPlaces places(*snapshot.image, *table);
    const std::string directory = fmt::format("process/{}/", snapshot.program->pid);
    files[directory + "goroutines.json"] = goroutines_json(snapshot, places);
    files[directory + "heap.json"] = heap_json(snapshot, places);
  }
  return files;
}

}  // namespace fdr
