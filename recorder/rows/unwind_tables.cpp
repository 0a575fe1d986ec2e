#include "recorder/rows/unwind_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "recorder/system/silent_files.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "unwind/module_rows.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxRefusedTold = 64;

}  // namespace

UnwindTables::UnwindTables(WindowView window) : window_(window) {
  for (std::uint32_t index = window_.layout.spaces; index > 0; --index) free_.push_back(index - 1);
  report_.row_room = window_.layout.rows;
  report_.space_room = window_.layout.spaces;
}

void UnwindTables::refuse(const Module& module, const std::string& why) {
  if (report_.refused.size() < kMaxRefusedTold) report_.refused.emplace(module.path, why);
}

bool UnwindTables::take_built() {
  bool any = false;
  for (BuiltRows& built : builder_.collect()) {
    any = true;
    report_.seconds += to_seconds(built.cost);
    --report_.pending;
    File& file = files_[built.module];
    file.ready = true;
    file.count = FDR_ROWS_PENDING;
    file.segments = std::move(built.segments);
    file.base = built.rows.base;
    if (!built.problem.empty()) {
      refuse(built.module, built.problem);
      continue;
    }
    const std::vector<fdr_row>& rows = built.rows.rows;
    if (rows.empty()) {
      file.count = 0;  // no unwind information at all: by frame pointer, with checks
      refuse(built.module, built.rows.reason.empty() ? "no unwind information" : built.rows.reason);
      continue;
    }
    if (const auto known = by_build_id_.find(built.build_id); !built.build_id.empty() && known != by_build_id_.end()) {
      std::tie(file.first, file.count) = known->second;
      continue;
    }
    if (rows.size() > report_.row_room - report_.rows) {
      refuse(built.module, fmt::format("its {} rows do not fit into the {} left: raise --memory", rows.size(), report_.row_room - report_.rows));
      continue;
    }
    file.first = static_cast<std::uint32_t>(report_.rows);
    file.count = static_cast<std::uint32_t>(rows.size());
    std::memcpy(window_.rows + file.first, rows.data(), rows.size() * sizeof(fdr_row));
    report_.rows += rows.size();
    ++report_.files;
    if (!built.build_id.empty()) by_build_id_[built.build_id] = {file.first, file.count};
  }
  return any;
}

const UnwindTables::File* UnwindTables::file_of(std::int32_t pid, const Mapping& mapping) {
  if (const auto known = files_.find(mapping.module); known != files_.end()) return &known->second;
  // While the process lives its files are best read through it: deleted, replaced or in another mount namespace, they are there.
  const std::string mapped = mapped_file(pid, mapping);
  const char* silent = mapping.module.kind != ModuleKind::kFile ? nullptr
                       : !memory_answers(pid)                   ? "its process's memory is locked"
                       : !answers_on(mapping.device, mapped)    ? kSilent
                                                                : nullptr;
  if (silent) {
    refuse(mapping.module, silent);
    return nullptr;
  }
  report_.refused.erase(mapping.module.path);
  ++report_.pending;
  RowJob job{mapping.module, {}, held_.hold(mapping.module, mapped, pid)};
  job.sources.push_back(job.held ? HeldFiles::path(job.held) : mapped);
  builder_.ask(std::move(job));
  return &files_[mapping.module];
}

fdr_segment UnwindTables::segment_of(Place& place, std::int32_t pid, const AddressSpace::Stretch& stretch) {
  const Mapping& mapping = *stretch.mapping;
  fdr_segment segment{.start = stretch.start, .end = stretch.end, .bias = stretch.start, .first = 0, .count = 0};
  if (mapping.module.kind == ModuleKind::kAnonymous) return segment;
  const File* file = file_of(pid, mapping);
  place.stale |= !file;
  if (!file || !file->ready) {
    segment.count = FDR_ROWS_PENDING;
    return segment;
  }
  segment.first = file->first;
  segment.count = file->count;
  if (const auto bias = row_bias(mapping, file->segments, file->base)) {
    segment.bias = *bias;
    return segment;
  }
  if (segment.count) segment.count = FDR_ROWS_PENDING;  // no executable segment of the file is mapped here
  return segment;
}

void UnwindTables::write_segments(Place& place, std::int32_t pid, const AddressSpace& space, Timestamp now) {
  std::vector<AddressSpace::Stretch> stretches = space.stretches(now);
  // Where there are too many the largest stay: code that runs is in libraries far more often than in thousands of small pieces.
  if (stretches.size() > FDR_SEGMENTS) {
    report_.segments_left_out += stretches.size() - FDR_SEGMENTS;
    std::nth_element(stretches.begin(), stretches.begin() + FDR_SEGMENTS, stretches.end(), [](const auto& a, const auto& b) { return a.end - a.start > b.end - b.start; });
    stretches.resize(FDR_SEGMENTS);
    std::sort(stretches.begin(), stretches.end(), [](const auto& a, const auto& b) { return a.start < b.start; });
  }
  place.stale = false;
  std::vector<fdr_segment> segments;
  for (const AddressSpace::Stretch& stretch : stretches) segments.push_back(segment_of(place, pid, stretch));
  fdr_space& to = window_.spaces[place.index];
  __atomic_store_n(&to.seq, to.seq | 1, __ATOMIC_SEQ_CST);
  std::copy(segments.begin(), segments.end(), std::begin(to.segments));
  to.count = static_cast<fdr_u32>(segments.size());
  __atomic_store_n(&to.seq, to.seq + 1, __ATOMIC_SEQ_CST);
  place.mappings = space.mappings().size();
}

UnwindTables::Place* UnwindTables::place_of(const std::shared_ptr<AddressSpace>& space) {
  if (const auto known = places_.find(space); known != places_.end()) return &known->second;
  if (free_.empty()) {
    ++report_.homeless;
    return nullptr;
  }
  Place place;
  place.index = free_.back();
  free_.pop_back();
  place.strange = window_.spaces[place.index].strange;
  return &places_.emplace(space, place).first->second;
}

void UnwindTables::follow(const ProcessTable& table, const std::vector<std::uint32_t>& live_slots, bool changed, Timestamp now) {
  const bool built = take_built();
  if (!built && !changed) return;
  for (auto& [space, place] : places_) {
    place.used = false;
    if (built) place.stale = true;
  }
  // Who is gone gives its place to who is new.
  std::vector<std::pair<std::int32_t, std::shared_ptr<AddressSpace>>> live;
  for (const auto& [key, tracked] : table.processes()) {
    if (tracked.process.ended || tracked.spaces.empty()) continue;
    live.emplace_back(tracked.process.pid, tracked.spaces.back().space);
    if (const auto known = places_.find(live.back().second); known != places_.end()) known->second.used = true;
  }
  std::erase_if(places_, [&](const auto& entry) {
    if (!entry.second.used) free_.push_back(entry.second.index);
    return !entry.second.used;
  });
  std::map<std::int32_t, std::uint32_t> index_of;  // pid -> fdr_thread.space
  for (const auto& [pid, space] : live) {
    if (space->mappings().empty()) continue;
    Place* place = place_of(space);
    if (!place) continue;
    if (place->stale || place->mappings != space->mappings().size()) write_segments(*place, pid, *space, now);
    index_of[pid] = place->index + 1;
  }
  for (const std::uint32_t slot : live_slots) {
    fdr_thread& thread = window_.threads[slot];
    const auto index = index_of.find(static_cast<std::int32_t>(thread.tgid));
    const std::uint32_t wanted = index == index_of.end() ? 0 : index->second;
    if (thread.space != wanted) __atomic_store_n(&thread.space, wanted, __ATOMIC_RELEASE);
  }
  report_.spaces = static_cast<std::uint32_t>(places_.size());
}

void UnwindTables::release_files(const ProcessTable& table) {
  std::set<Module> used;
  std::set<const AddressSpace*> seen;
  for (const auto& [key, tracked] : table.processes())
    for (const auto& since : tracked.spaces)
      if (seen.insert(since.space.get()).second)
        for (const Mapping& mapping : since.space->mappings()) used.insert(mapping.module);
  held_.keep_only(used);
}

std::vector<std::int32_t> UnwindTables::strangers(const ProcessTable& table, std::size_t most) {
  std::vector<std::int32_t> pids;
  for (const auto& [key, tracked] : table.processes()) {
    if (pids.size() == most) break;
    if (tracked.process.ended || tracked.spaces.empty()) continue;
    const auto known = places_.find(tracked.spaces.back().space);
    if (known == places_.end()) continue;
    const std::uint64_t strange = window_.spaces[known->second.index].strange;
    if (strange == known->second.strange) continue;
    known->second.strange = strange;
    pids.push_back(tracked.process.pid);
  }
  return pids;
}

}  // namespace fdr
