// What the targets' Go programs said of themselves at the firing (process/PID/goroutines.json, heap.json): checked when it is read, a
// wrong type reads as empty. For `fdr show` and for the report. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/manifest.hpp"

namespace fdr {

struct GoroutineRow {
  std::uint64_t count = 0;
  std::string wait, function, place, created_by, created_place;
  bool system = false;
  std::optional<double> waiting_s;
  std::vector<std::string> stack;  // outermost first
};

struct HeapRow {
  std::string function, place;
  double in_use = 0, allocated = 0;                     // bytes
  std::optional<double> grown, allocated_since_start;   // nothing where the start is not known
  std::vector<std::string> stack;
};

struct GoReport {
  std::int32_t pid = 0;
  std::string version;
  std::string goroutines_problem, heap_problem;  // why there are none; empty where there are
  std::uint64_t goroutines = 0;                  // as runtime.NumGoroutine has it
  std::optional<std::uint64_t> goroutines_at_start;
  std::optional<double> goroutines_start_at_s, heap_start_at_s;  // from the firing
  std::vector<GoroutineRow> groups;              // largest first, as they were written
  std::vector<HeapRow> sites;                    // what grew most first
};

// By pid. `text` reads a file of the bundle; nothing where it cannot be had.
std::vector<GoReport> go_reports(const Manifest& manifest,
                                 const std::function<std::optional<std::string>(std::string_view part)>& text);
std::vector<GoReport> go_reports(const std::string& bundle_path, const Manifest& manifest);

}  // namespace fdr
