#include "formats/pack/private_directory.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <iterator>
#include <vector>

#include "formats/error.hpp"
#include "formats/temporary.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::array kEnding = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};

// What a signal's handler removes: files first, then directories from within, with nothing but unlinkat(). Filled while the signals
// are blocked; a handler sees all of it or nothing.
struct Leftover {
  std::string path;
  int flags;
};
std::vector<Leftover>* leftovers = nullptr;

void remove_and_die(int signal) {
  const int before = errno;
  if (leftovers)
    for (const Leftover& leftover : *leftovers) ::unlinkat(AT_FDCWD, leftover.path.c_str(), leftover.flags);
  errno = before;
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

std::string temporary_directory() {
  const std::string base = temporary_place();
  std::string pattern = base + "/fdr-pack-XXXXXX";
  if (!::mkdtemp(pattern.data())) throw system_error("make a directory in " + printable(base), errno, "TMPDIR names another one");
  return pattern;
}

}  // namespace

HeldSignals::HeldSignals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : kEnding) ::sigaddset(&set, signal);
  ::pthread_sigmask(SIG_BLOCK, &set, &before_);
}
HeldSignals::~HeldSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

PrivateDirectory::PrivateDirectory() : path_(temporary_directory()) {}

PrivateDirectory::~PrivateDirectory() {
  const HeldSignals held;
  if (leftovers) std::erase_if(*leftovers, [this](const Leftover& l) { return l.path.starts_with(path_); });
  std::error_code ignored;  // nothing better can be done with it in a destructor
  std::filesystem::remove_all(path_, ignored);
}

void PrivateDirectory::watch() {
  const HeldSignals held;
  if (!leftovers) leftovers = new std::vector<Leftover>();  // lives as long as the program: a handler may come at its very end
  std::erase_if(*leftovers, [this](const Leftover& l) { return l.path.starts_with(path_); });
  std::vector<Leftover> directories = {{path_, AT_REMOVEDIR}};
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
    if (entry.is_directory()) {
      directories.push_back({entry.path().string(), AT_REMOVEDIR});
    } else {
      leftovers->push_back({entry.path().string(), 0});
    }
  }
  std::move(directories.rbegin(), directories.rend(), std::back_inserter(*leftovers));
  struct sigaction action {};
  action.sa_handler = remove_and_die;
  for (const int signal : kEnding) {
    struct sigaction present {};
    if (::sigaction(signal, nullptr, &present) == 0 && present.sa_handler == SIG_DFL) ::sigaction(signal, &action, nullptr);
  }
}

}  // namespace fdr
