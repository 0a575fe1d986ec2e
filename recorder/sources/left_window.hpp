// The window that a dead recorder left, whatever kept it: pinned BPF maps (PinnedWindow) or a file (FileWindow). Read-only; bounded as any
// window is. Who looks holds the recorder's lock (run_directory.hpp). One thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "recorder/heap/heap_reading.hpp"
#include "recorder/window/errno_total.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

class LeftWindow {
 public:
  virtual ~LeftWindow() = default;
  // What a recorder would write through it (threads, rows, spaces, control) must be left alone.
  virtual const WindowView& window() const = 0;
  virtual std::vector<ErrnoTotal> errors() const = 0;
  virtual std::vector<std::pair<fdr_failing_key, fdr_failing>> failing() const { return {}; }
  virtual std::vector<std::pair<std::uint32_t, fdr_ticks>> bystander_ticks() const { return {}; }
  virtual HeapReading heap() const { return {}; }
};

// Where the window of this recorder may be a file, in the order in which they are tried: in its run directory where that is in memory, else in
// /dev/shm, which belongs to all: the name says whose it is, and the file's owner is checked.
std::vector<std::string> window_places(const std::string& recorder_name);

bool has_left_window(const std::string& recorder_name);
// Throws Error: there is none, it cannot be opened, or it is not of this version (the hint says what to do).
std::unique_ptr<LeftWindow> open_left_window(const std::string& recorder_name);
// What of it costs the host something although nobody records, where there is such a thing; the window stays readable.
void detach_left_window(const std::string& recorder_name);
void remove_left_window(const std::string& recorder_name);

}  // namespace fdr
