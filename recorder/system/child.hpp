// `run`'s child: forked first, armed, released, waited for. It is stopped by nothing but a pipe it reads from before its execve, so that the window
// is there before COMMAND's first instruction. The exit code or signal that COMMAND ends with is the caller's to pass on.
#pragma once

#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"

namespace fdr {

// The file that execvp would run, with `search` in place of PATH where it is given; throws CommandError with the shell's exit code: 127 not found, 126 not executable.
struct CommandError {
  int exit_code;
  std::string what;
};
std::string resolve_command(const std::string& command, const char* search = nullptr);

// Signals that `run` passes on to COMMAND when they came by kill(2), not from the terminal, which gave them to it already.
inline constexpr int kForwardedSignals[] = {SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGUSR1, SIGUSR2, SIGCONT, SIGWINCH};

// Whether a signal that we took, with this si_code, is to be passed on: the terminal gave it to us alone, or it came by kill(2). A hangup is
// told to the leader of the session only (tty_signal_session_leader() in drivers/tty/tty_jobctrl.c), where that is us.
bool is_to_be_passed_on(int signal, int code);

// Blocks those and SIGCHLD, to be taken by signalfd or sigwaitinfo.
sigset_t block_signals_of_run();

class Child {
 public:
  // Forks; throws Error where that cannot be. The child waits; nothing of COMMAND has run. Must be called before any thread is started. From just before the fork on the signals of
  // a run are blocked here, not in the child: one that came while the window is armed would end us, and leave COMMAND with nobody to pass it on.
  Child(const std::string& path, const std::vector<std::string>& command);
  ~Child();
  std::int32_t pid() const { return pid_; }
  // Lets it execve. At most once; the destructor does it if nobody did. `environment`: what is other there than here, "NAME=VALUE", and
  // "NAME" alone of what is to go; at most kMostEnvironment bytes.
  static constexpr std::size_t kMostEnvironment = 4096;
  void release(const std::vector<std::string>& environment = {});
  bool released() const { return !gate_.valid(); }
  // Its wait status, if it has ended. Known from then on: its number may be another's.
  std::optional<int> poll();
  // Blocks until it ends, passing signals on is the caller's affair. Returns the wait status.
  int wait();

 private:
  std::int32_t pid_ = 0;
  FileDescriptor gate_;
  std::optional<int> status_;
};

// Where not even a fork can be had: this process is COMMAND from here on.
[[noreturn]] void become(const std::string& path, const std::vector<std::string>& command);

// Ends this process as COMMAND ended: its code, or its signal raised again without a second core dump. Does not return.
[[noreturn]] void end_like(int wait_status);

}  // namespace fdr
