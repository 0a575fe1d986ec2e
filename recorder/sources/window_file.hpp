// A window in a shared file, for backends that write it themselves (perf, proc): a header page with its layout, then the arrays of wire.h,
// each from a page on. The page cache outlives the recorder, so `fdr recover` reads it after any death but the host's.
//
// WindowFile is the writer's: all its room is taken at once (a tmpfs that fills later would end us by SIGBUS). FileWindow is what a dead
// recorder left: another process's bytes, so its header is checked against the file's size before anything is mapped. The file is 0600, in
// the run directory where that is in memory, else in /dev/shm (left_window.hpp); one that belongs to somebody else is never opened. Session thread only.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/sources/shared_mapping.hpp"
#include "recorder/window/window.hpp"

namespace fdr {

// Failures counted, in a table that is hashed by key; count 0: free.
struct ErrorCell {
  std::uint32_t tgid = 0;
  std::uint16_t nr = 0, error = 0;
  std::uint64_t count = 0;
  std::uint64_t refilled_ns = 0, tokens = 0;  // of full records that may still be written
};
inline constexpr std::uint32_t kErrorCells = 4096;

// The same arrays as a WindowView, to be written.
struct WindowArrays {
  std::array<std::uint8_t*, FDR_RINGS> rings{};
  fdr_cursor* cursors = nullptr;
  fdr_thread* threads = nullptr;
  fdr_parked* parked = nullptr;
  fdr_summary_cell* summary = nullptr;
  fdr_cpu* cpus = nullptr;
  fdr_row* rows = nullptr;
  fdr_space* spaces = nullptr;
  fdr_control* control = nullptr;
  ErrorCell* errors = nullptr;
};

class WindowFile {
 public:
  // At the first of these places where it can be; what is there is removed: its recorder is dead, we hold the lock of its name. Where no file
  // can be had the window is in our own memory, and problem() says why.
  WindowFile(const std::vector<std::string>& places, const WindowLayout& layout, std::uint32_t backend, std::uint32_t lacks);
  ~WindowFile();  // removes the file
  WindowFile(const WindowFile&) = delete;

  const WindowArrays& arrays() const { return arrays_; }
  const WindowView& view() const { return view_; }
  const std::string& problem() const { return problem_; }
  // Our sign of life. Nothing is recorded without us: the lease ends with it.
  void renew(Timestamp now);
  std::vector<ErrnoTotal> errors() const;

 private:
  std::string path_, problem_;
  SharedMapping mapping_;
  WindowArrays arrays_;
  WindowView view_;
};

class FileWindow : public LeftWindow {
 public:
  // Throws Error; `name` of the recorder is for its text.
  FileWindow(const std::string& path, const std::string& name);
  const WindowView& window() const override { return view_; }
  std::vector<ErrnoTotal> errors() const override;

 private:
  SharedMapping mapping_;
  const ErrorCell* errors_ = nullptr;
  WindowView view_;
};

// The first of them where there is such a file, and ours; empty where there is none.
std::string find_window_file(const std::vector<std::string>& places);
// Whether what is below this directory is in memory.
bool is_in_memory(const std::string& directory);

}  // namespace fdr
