// A directory of its own (0700, below TMPDIR or /tmp), removed with everything in it when this object goes; also when SIGINT, SIGTERM,
// SIGHUP or SIGPIPE ends the program, as far as watch() has seen what is in it. Throws Error. One thread; of the signals only those
// that have their default action are taken over.
#pragma once

#include <signal.h>

#include <string>

namespace fdr {

// While it lives these signals wait: for whoever fills a directory, until watch() has seen it.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_{};
};

class PrivateDirectory {
 public:
  PrivateDirectory();
  ~PrivateDirectory();
  PrivateDirectory(const PrivateDirectory&) = delete;
  PrivateDirectory& operator=(const PrivateDirectory&) = delete;

  const std::string& path() const { return path_; }
  void watch();

 private:
  std::string path_;
};

}  // namespace fdr
