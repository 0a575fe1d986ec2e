// The window that a dead recorder left: its pinned maps, opened by path and mapped for reading only; and the reading of the programs' hashes,
// which a live recorder does in the same way.
//
// Its layout is what the maps say of themselves; element sizes that are not those of wire.h, or a wire version that is not ours, are
// refused. What is in the arrays is read as any window is: bounded. One thread. libbpf is named here (pinned_window.cpp), in bpf_source.cpp and in window_programs.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "recorder/heap/heap_reading.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/window/errno_total.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

// Hashes as they are now, by the descriptor of their map: entries that come or go meanwhile may be in it or not. Empty where they cannot be read.
std::vector<ErrnoTotal> read_errors(int map);
std::vector<std::pair<fdr_failing_key, fdr_failing>> read_failing(int map, std::uint32_t most);
std::vector<std::pair<std::uint32_t, fdr_ticks>> read_ticks(int map, std::uint32_t most);
std::vector<std::pair<fdr_send_key, fdr_send>> read_sends(int map, std::uint32_t most);

std::vector<std::pair<fdr_heap_key, fdr_heap_block>> read_heap_blocks(int map, std::uint32_t most);
std::vector<std::pair<std::uint64_t, fdr_heap_stack>> read_heap_stacks(int map, std::uint32_t most);

// Makes room: blocks of processes that are not among `known`, allocated before `before_ns`, and their stacks.
void forget_heap(int blocks, std::uint32_t most_blocks, int stacks, std::uint32_t most_stacks, const std::set<std::int32_t>& known, std::uint64_t before_ns);

class PinnedWindow : public LeftWindow {
 public:
  // Throws Error: nothing is pinned, it cannot be opened, or it is not of this version (the hint says what to do).
  explicit PinnedWindow(const std::string& recorder_name);
  ~PinnedWindow() override;
  PinnedWindow(const PinnedWindow&) = delete;

  const WindowView& window() const override;
  std::vector<ErrnoTotal> errors() const override;
  std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const override;
  std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const override;
  HeapReading heap() const override;  // `asked` where a target had asked for it

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fdr
