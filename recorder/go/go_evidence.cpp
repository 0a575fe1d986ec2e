#include "recorder/go/go_evidence.hpp"

#include <fmt/format.h>

#include <cmath>

#include "formats/json_writer.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "unwind/go_places.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxPrograms = 16, kMaxRows = 2000;

std::string goroutines_json(const GoSnapshot& snapshot, const GoPlaces& places) {
  const Goroutines& goroutines = snapshot.goroutines;
  const auto& start = snapshot.program->goroutines_at_start;
  const Duration begin = thread_cpu_time();
  std::vector<GoroutineGroup> groups = grouped(goroutines, snapshot.program->runtime, places);
  const Duration cost = snapshot.cost + (thread_cpu_time() - begin);
  if (groups.size() > kMaxRows) groups.resize(kMaxRows);
  std::uint64_t system = 0;
  for (const GoroutineGroup& group : groups)
    if (group.system) system += group.count;
  return json_file([&](JsonWriter& json) {
    json.field("version", snapshot.program->runtime.version);
    json.field("problem", goroutines.problem);
    json.field("at_ns", to_ns(snapshot.at));
    json.field("goroutines", goroutines.all.size() - system);
    json.field("system", system);
    json.field("start_ns", to_ns(snapshot.program->seen));
    json.field("at_start", start);
    json.field("in_all", goroutines.in_all);
    json.field("unread", goroutines.unread);
    json.field("cut", goroutines.cut);
    json.field("cost_ms", to_seconds(cost) * 1e3);
    json.array("rows", [&] {
      for (const GoroutineGroup& group : groups)
        json.object([&] {
          const double waited = static_cast<double>(to_ns(snapshot.at)) - static_cast<double>(group.oldest_wait);
          json.field("count", group.count);
          json.field("wait", group.wait);
          json.field("function", group.function);
          json.field("place", group.place);
          json.field("created_by", group.created_by);
          json.field("created_place", group.created_place);
          json.field("system", group.system);
          json.field("walked", group.walked);
          json.field("waiting_s", group.oldest_wait && waited > 0 ? std::optional(waited / 1e9) : std::nullopt);
          json.field("stack", group.stack);
        });
    });
  });
}

std::string heap_json(const GoSnapshot& snapshot, const GoPlaces& places) {
  const HeapProfile& start = snapshot.program->heap_at_start;
  const bool comparable = start.problem.empty();
  const auto since_start = [&](double bytes) { return comparable ? std::optional(std::llround(bytes)) : std::nullopt; };
  std::vector<HeapSite> sites = heap_sites(comparable ? start : HeapProfile{}, snapshot.heap, snapshot.program->runtime, places);
  if (sites.size() > kMaxRows) sites.resize(kMaxRows);
  return json_file([&](JsonWriter& json) {
    json.field("version", snapshot.program->runtime.version);
    json.field("problem", snapshot.heap.problem);
    json.field("at_ns", to_ns(snapshot.at));
    json.field("start_ns", comparable ? std::optional(to_ns(snapshot.program->seen)) : std::nullopt);
    json.field("sampled_every_bytes", snapshot.heap.rate);
    json.array("rows", [&] {
      for (const HeapSite& site : sites)
        json.object([&] {
          json.field("function", site.function);
          json.field("place", site.place);
          json.field("in_use_bytes", std::llround(site.in_use_bytes));
          json.field("grown_bytes", since_start(site.grown_bytes));
          json.field("alloc_bytes", std::llround(site.allocated_bytes));
          json.field("alloc_since_start_bytes", since_start(site.allocated_since_bytes));
          json.field("stack", site.stack);
        });
    });
  });
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
