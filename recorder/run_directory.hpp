// /run/fdr/NAME: a recorder's place: lock, control.sock, beat.sock. Alive = the lock is held (flock), never a pid file (recording-rules 5).
//
// /run/fdr is 0755 so that beats reach us; what is in it is 0600 and 0660. Opened without following links. The destructor removes it all.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"

namespace fdr {

inline constexpr const char* kRunRoot = "/run/fdr";

// A recorder of the name that was asked for is alive.
struct RecorderNameTaken : Error {
  using Error::Error;
};

class RunDirectory {
 public:
  // Takes NAME, or NAME-2, NAME-3 ... when `may_number` and it is taken. Throws Error, RecorderNameTaken.
  RunDirectory(const std::string& name, bool may_number);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;

  const std::string& name() const { return name_; }
  std::string path(const std::string& file) const { return std::string(kRunRoot) + "/" + name_ + "/" + file; }

 private:
  bool is_current(const std::string& file) const;
  std::string name_;
  FileDescriptor lock_;
};

// Names of recorders whose lock is held now, and those that left a directory behind without holding it.
struct KnownRecorders {
  std::vector<std::string> alive, dead;
};
KnownRecorders known_recorders();
// The one meant: `name`, or the only one alive. Throws Error naming the choices.
std::string choose_recorder(const std::optional<std::string>& name);

}  // namespace fdr
