#include "recorder/system/child.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "formats/error.hpp"

namespace fdr {
namespace {

bool is_executable_file(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

// What comes through the gate until it is closed: words that end in a zero each. A parent that dies meanwhile leaves none or all.
void change_environment(int gate) {
  static char words[Child::kMostEnvironment];
  std::size_t length = 0;
  for (;;) {
    const ssize_t got = ::read(gate, words + length, sizeof words - length);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    length += static_cast<std::size_t>(got);
  }
  for (char *word = words, *end; (end = static_cast<char*>(std::memchr(word, '\0', length - static_cast<std::size_t>(word - words)))) != nullptr; word = end + 1) {
    if (std::strchr(word, '=')) {
      ::putenv(word);
    } else {
      ::unsetenv(word);
    }
  }
}

std::vector<char*> arguments_of(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

}  // namespace

sigset_t block_signals_of_run() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : kForwardedSignals) sigaddset(&set, signal);
  sigaddset(&set, SIGCHLD);
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  return set;
}

bool is_to_be_passed_on(int signal, int code) {
  return code <= 0 || (signal == SIGHUP && ::getsid(0) == ::getpid());  // SI_USER, SI_TKILL, SI_QUEUE
}

std::string resolve_command(const std::string& command, const char* search) {
  if (command.find('/') != std::string::npos) {
    if (::access(command.c_str(), F_OK)) throw CommandError{127, "cannot run '" + command + "': " + std::strerror(errno)};
    if (!is_executable_file(command)) throw CommandError{126, "cannot run '" + command + "': not an executable file"};
    return command;
  }
  if (!search) search = std::getenv("PATH");
  const std::string paths = search ? search : "/usr/local/bin:/usr/bin:/bin";
  bool found_unusable = false;
  for (std::size_t at = 0; at <= paths.size();) {
    const std::size_t end = std::min(paths.find(':', at), paths.size());
    const std::string directory = paths.substr(at, end - at);
    const std::string candidate = (directory.empty() ? "." : directory) + "/" + command;
    if (is_executable_file(candidate)) return candidate;
    found_unusable |= ::access(candidate.c_str(), F_OK) == 0;
    at = end + 1;
  }
  if (found_unusable) throw CommandError{126, "cannot run '" + command + "': found in PATH, but not executable"};
  throw CommandError{127, "cannot run '" + command + "': not found in PATH"};
}

void become(const std::string& path, const std::vector<std::string>& command) {
  std::fflush(nullptr);
  ::execv(path.c_str(), arguments_of(command).data());
  ::_exit(errno == ENOENT ? 127 : 126);
}

Child::Child(const std::string& path, const std::vector<std::string>& command) {
  int gate[2];
  if (::pipe2(gate, O_CLOEXEC)) throw system_error("make a pipe", errno);
  const std::vector<char*> arguments = arguments_of(command);
  std::fflush(nullptr);
  sigset_t before;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  block_signals_of_run();
  pid_ = ::fork();
  if (pid_ < 0) {
    const int error = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw system_error("fork", error);
  }
  if (pid_ == 0) {
    // Between fork and execve: system calls only, and the environment, which is ours alone: we are one thread, and so was our parent.
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    ::close(gate[1]);
    change_environment(gate[0]);
    ::execv(path.c_str(), arguments.data());
    ::_exit(errno == ENOENT ? 127 : 126);
  }
  ::close(gate[0]);
  gate_ = FileDescriptor(gate[1]);
}

// Closing the gate is what lets the child go: it does so even when we die.
void Child::release(const std::vector<std::string>& environment) {
  std::string words;
  for (const std::string& word : environment) words += word + '\0';
  FDR_CHECK(words.size() <= kMostEnvironment);
  // Fits into the pipe, so it is written at once; a child that is dead already needs none.
  if (!words.empty()) [[maybe_unused]] const ssize_t ignored = ::write(gate_.get(), words.data(), words.size());
  gate_.reset();
}
Child::~Child() = default;

std::optional<int> Child::poll() {
  int status = 0;
  if (!status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return status_;
}

int Child::wait() {
  int status = 0;
  if (status_) return *status_;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  status_ = status;
  return status;
}

void end_like(int wait_status) {
  std::fflush(nullptr);
  if (WIFEXITED(wait_status)) ::_exit(WEXITSTATUS(wait_status));
  const int signal = WTERMSIG(wait_status);
  ::prctl(PR_SET_DUMPABLE, 0);  // one core dump is enough, and it is COMMAND's
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  std::signal(signal, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  ::raise(signal);
  ::_exit(128 + signal);
}

}  // namespace fdr
