// /run/fdr/NAME: a recorder's place: lock, control.sock, beat.sock, and the files without which its window could not be read
// (saved/saved_window.hpp). Alive = the lock is held (flock), never a pid file.
//
// Who may not write there has a root of his own, 0700 and checked to be his. /run/fdr is 0755 so that beats reach us; what is in it is 0600 and 0660. Opened without following links. The destructor removes it all.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

// A recorder of the name that was asked for is alive.
struct RecorderNameTaken : Error {
  using Error::Error;
};

class RunDirectory {
 public:
  // Nothing where somebody has it: a recorder of that name, or who writes out what one left. Throws Error.
  static std::optional<RunDirectory> take(const std::string& name);
  ~RunDirectory();
  RunDirectory(RunDirectory&&) = default;
  RunDirectory& operator=(RunDirectory&&) = delete;

  // What a dead recorder left is still needed: only the lock is given back.
  void leave_window() { window_stays_ = true; }
  void window_is_over() { window_stays_ = false; }

  const std::string& name() const { return name_; }
  std::string path(const std::string& file) const { return root_ + "/" + name_ + "/" + file; }

 private:
  RunDirectory(std::string root, std::string name) : root_(std::move(root)), name_(std::move(name)) {}
  bool is_current(const std::string& file) const;
  std::string root_, name_;
  bool window_stays_ = false;
  FileDescriptor lock_;
};

// Names of recorders whose lock is held now, and those that left a directory behind without holding it.
struct KnownRecorders {
  std::vector<std::string> alive, dead;
};
KnownRecorders known_recorders();
// The dead ones whose window is there to be written: `fdr recover`.
std::vector<std::string> dead_windows();
// The one meant: `name`, or the only one alive. Throws Error naming the choices.
std::string choose_recorder(const std::optional<std::string>& name);

}  // namespace fdr
