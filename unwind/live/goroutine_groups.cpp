#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

#include "unwind/live/goroutines.hpp"

namespace fdr {
namespace {

std::string place_text(const GoPlace& place) {
  return place.file.empty() ? "" : fmt::format("{}:{}", place.file, place.line);
}

// The machinery that puts a goroutine to sleep, the functions included that other packages have from the runtime:
// sync.runtime_Semacquire, internal/poll.runtime_pollWait.
bool is_runtime(std::string_view function) {
  return function.starts_with("runtime.") || function.find(".runtime_") != std::string_view::npos;
}

class Names {
 public:
  Names(const GoRuntime& runtime, const GoPlaces& places) : bias_(runtime.bias), places_(places) {}

  // Of the instruction at `address`, innermost first.
  const std::vector<GoPlace>& at(std::uint64_t address) {
    const auto [known, fresh] = known_.try_emplace(address);
    if (fresh) known->second = places_.at(address - bias_);
    return known->second;
  }
  // The innermost that is not the runtime's; nullptr where all are.
  const GoPlace* outside(std::uint64_t address) {
    for (const GoPlace& place : at(address))
      if (!is_runtime(place.function)) return &place;
    return nullptr;
  }

 private:
  std::uint64_t bias_;
  const GoPlaces& places_;
  std::unordered_map<std::uint64_t, std::vector<GoPlace>> known_;
};

std::string wait_of(const Goroutine& goroutine, const GoRuntime& runtime) {
  switch (goroutine.status) {
    case 1:
      return "runnable";
    case 2:
      return "running";
    case 3:
      return "syscall";
    case 4:
      if (goroutine.wait_reason < runtime.wait_reasons.size() && !runtime.wait_reasons[goroutine.wait_reason].empty())
        return runtime.wait_reasons[goroutine.wait_reason];
      return "waiting";
    case 8:
      return "copystack";
    case 9:
      return "preempted";
    default:
      return fmt::format("status {}", goroutine.status);
  }
}

// runtime.isSystemGoroutine.
bool is_system(const Goroutine& goroutine, Names& names) {
  const auto& start = names.at(goroutine.start_pc);
  if (start.empty()) return false;
  const std::string_view function = start.back().function;
  return function.starts_with("runtime.") && function != "runtime.main" && function != "runtime.handleAsyncEvent";
}

// The frame to show it by: the innermost that is not the runtime's, else the outermost there is, else where it began.
std::uint64_t shown(const Goroutine& goroutine, Names& names) {
  for (const std::uint64_t frame : goroutine.frames)
    if (names.outside(frame)) return frame;
  return goroutine.frames.empty() ? goroutine.start_pc : goroutine.frames.back();
}

GoroutineGroup begin_group(const Goroutine& first, std::uint64_t frame, const GoRuntime& runtime, Names& names) {
  GoroutineGroup group;
  group.wait = wait_of(first, runtime);
  group.system = is_system(first, names);
  const GoPlace* place = names.outside(frame);
  if (!place && !names.at(frame).empty()) place = &names.at(frame).back();
  if (place) {
    group.function = place->function;
    group.place = place_text(*place);
  }
  const auto& creator = names.at(first.go_pc - 1);
  if (first.id != 1 && !creator.empty()) {  // the first one is made by no go statement
    group.created_by = creator.front().function;
    group.created_place = place_text(creator.front());
  }
  return group;
}

std::vector<std::string> stack_of(const Goroutine& goroutine, Names& names) {
  std::vector<std::string> stack;
  for (const std::uint64_t frame : goroutine.frames)
    for (const GoPlace& place : names.at(frame)) stack.push_back(fmt::format("{} {}", place.function, place_text(place)));
  std::reverse(stack.begin(), stack.end());
  return stack;
}

}  // namespace

std::vector<GoroutineGroup> grouped(const Goroutines& goroutines, const GoRuntime& runtime, const GoPlaces& places) {
  Names names(runtime, places);
  std::map<std::tuple<std::uint32_t, std::uint8_t, std::uint64_t, std::uint64_t>, std::size_t> known;
  std::vector<GoroutineGroup> groups;
  for (const Goroutine& goroutine : goroutines.all) {
    const std::uint64_t frame = shown(goroutine, names);
    const std::uint8_t reason = goroutine.status == 4 ? goroutine.wait_reason : 0;
    const auto [entry, fresh] = known.try_emplace({goroutine.status, reason, frame, goroutine.go_pc}, groups.size());
    if (fresh) groups.push_back(begin_group(goroutine, frame, runtime, names));
    GoroutineGroup& group = groups[entry->second];
    ++group.count;
    group.walked += goroutine.walked;
    if (group.stack.empty()) group.stack = stack_of(goroutine, names);
    if (goroutine.wait_since && (!group.oldest_wait || goroutine.wait_since < group.oldest_wait))
      group.oldest_wait = goroutine.wait_since;
  }
  std::stable_sort(groups.begin(), groups.end(),
                   [](const GoroutineGroup& a, const GoroutineGroup& b) { return a.count > b.count; });
  return groups;
}

}  // namespace fdr
