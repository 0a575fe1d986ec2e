#include "recorder/control/run_directory.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "formats/error.hpp"
#include "recorder/config/config.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/sources/left_window.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/system/run_places.hpp"

namespace fdr {
namespace {

FileDescriptor open_lock(const std::string& directory, int flags) {
  const std::string path = directory + "/lock";
  return FileDescriptor(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | flags, 0600));
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0755) && errno != EEXIST) throw system_error("create " + path, errno);
}

// In a directory that others may write to, anybody may have made it before us.
void make_own_root(const std::string& path) {
  struct stat info {};
  if (::mkdir(path.c_str(), 0700) && errno != EEXIST) throw system_error("create " + path, errno);
  if (::lstat(path.c_str(), &info)) throw system_error("look at " + path, errno);
  if (!S_ISDIR(info.st_mode) || info.st_uid != ::geteuid() || info.st_mode & 022) throw Error(path + " is not ours alone", "set XDG_RUNTIME_DIR to a directory that is");
}

// Who only looks whether it is taken (known_recorders) has it for a moment.
bool locked(int lock) {
  constexpr int kTries = 20;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    if (attempt) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    if (::flock(lock, LOCK_EX | LOCK_NB) == 0) return true;
  }
  return false;
}

}  // namespace

std::optional<RunDirectory> RunDirectory::take(const std::string& name) {
  if (!valid_name(name) || name[0] == '.') throw Error("'" + name + "' cannot be a recorder's name", "use 1 to 32 of A-Z a-z 0-9 . _ -, no dot first");
  const std::string root = own_run_root();
  if (root == kRunRoot) make_directory(root);
  else make_own_root(root);
  RunDirectory taken(root, name);
  for (int attempt = 0; attempt < 3; ++attempt) {
    make_directory(root + "/" + name);
    taken.lock_ = open_lock(root + "/" + name, O_CREAT);
    if (!taken.lock_.valid() && errno == ENOENT) continue;  // its owner removed the directory meanwhile
    if (!taken.lock_.valid()) throw system_error("open " + taken.path("lock"), errno, errno == EACCES ? "run as root" : "");
    if (!locked(taken.lock_.get())) break;
    if (taken.is_current(taken.path("lock"))) return taken;  // else its owner removed the file between our open and our lock
  }
  taken.lock_.reset();
  return std::nullopt;
}

RunDirectory::~RunDirectory() {
  if (!lock_.valid()) return;
  ::unlink(path("control.sock").c_str());
  ::unlink(path("beat.sock").c_str());
  ::unlink(path("notify.sock").c_str());
  ::rmdir(path("now").c_str());
  if (window_stays_) return;
  remove_saved_window(path(""));
  // Still locked by us: who opened the file meanwhile finds, once he has the lock, that it is no longer the file of that name.
  ::unlink(path("lock").c_str());
  ::rmdir((root_ + "/" + name_).c_str());
}

bool RunDirectory::is_current(const std::string& file) const {
  struct stat held {}, named {};
  return ::fstat(lock_.get(), &held) == 0 && ::stat(file.c_str(), &named) == 0 && held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

KnownRecorders known_recorders() {
  KnownRecorders known;
  for (const std::string& root : run_roots()) {
    DIR* entries = ::opendir(root.c_str());
    while (const dirent* entry = entries ? ::readdir(entries) : nullptr) {
      const std::string name = entry->d_name;
      if (!valid_name(name) || name[0] == '.') continue;
      const FileDescriptor lock = open_lock(root + "/" + name, 0);
      if (!lock.valid()) {
        if (errno == EACCES) known.alive.push_back(name);  // not ours to look into; its sockets say the rest
        continue;
      }
      if (::flock(lock.get(), LOCK_SH | LOCK_NB) == 0) known.dead.push_back(name);
      else known.alive.push_back(name);
    }
    if (entries) ::closedir(entries);
  }
  // Of some only the pins are left.
  for (const std::string& name : pinned_recorders())
    if (!std::count(known.alive.begin(), known.alive.end(), name) && !std::count(known.dead.begin(), known.dead.end(), name)) known.dead.push_back(name);
  std::sort(known.alive.begin(), known.alive.end());
  std::sort(known.dead.begin(), known.dead.end());
  return known;
}

std::vector<std::string> dead_windows() {
  std::vector<std::string> names = known_recorders().dead;
  std::erase_if(names, [](const std::string& name) { return !has_left_window(name); });
  return names;
}

std::string choose_recorder(const std::optional<std::string>& name) {
  const KnownRecorders known = known_recorders();
  std::string list;
  for (const std::string& alive : known.alive) list += (list.empty() ? "" : ", ") + alive;
  if (name) {
    if (std::find(known.alive.begin(), known.alive.end(), *name) != known.alive.end()) return *name;
    throw Error("no recorder named '" + *name + "' is running", list.empty() ? "start one with `fdr attach PID`" : "running: " + list);
  }
  if (known.alive.size() == 1) return known.alive.front();
  if (known.alive.empty()) throw Error("no recorder is running (or this user may not see it)", "start one with `fdr attach PID` or `fdr run -- COMMAND`");
  throw Error("several recorders are running", "name one of: " + list);
}

}  // namespace fdr
