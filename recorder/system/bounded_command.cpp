#include "recorder/system/bounded_command.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/temporary.hpp"
#include "recorder/system/child.hpp"
#include "recorder/system/spawn.hpp"
#include "recorder/system/trust.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kGrace = 500ms;    // between SIGTERM and SIGKILL
constexpr Duration kLastWait = 1s;    // for what SIGKILL has to end
constexpr Duration kLook = 20ms;      // whether it has ended, where nothing tells (no pidfd before 5.3, or no descriptor)

// What a command is to read, as a file of no name: a pipe would have to be fed while its output is read. -1: nothing.
FileDescriptor input_file(const std::string& text) {
  if (text.empty()) return FileDescriptor();
  FileDescriptor file = nameless_file("fdr-input");
  std::size_t written = 0;
  while (file.valid() && written < text.size()) {
    const ssize_t more = ::write(file.get(), text.data() + written, text.size() - written);
    if (more <= 0) break;
    written += static_cast<std::size_t>(more);
  }
  ::lseek(file.get(), 0, SEEK_SET);
  return file;
}

// A child that was started, until its group is gone. (The pidfd_open of glibc 2.36 has no C linkage in C++.)
class Running {
 public:
  Running(pid_t pid, FileDescriptor output, const CommandBounds& bounds, CommandResult& result)
      : pid_(pid), ended_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))), output_(std::move(output)), bounds_(bounds), result_(result) {}

  void watch() {
    Timestamp until = MonotonicClock::now() + bounds_.timeout;
    while (!has_ended()) {
      const Duration left = until - MonotonicClock::now();
      if (left <= 0ns) {
        if (killed_) return;  // not even that helped
        result_.timed_out |= !result_.cut && !result_.cancelled;
        until = push(until);
        continue;
      }
      pollfd watched[] = {{ended_.get(), POLLIN, 0}, {output_.get(), POLLIN, 0}, {killed_ ? -1 : bounds_.cancel, POLLIN, 0}};
      const Duration look = ended_.valid() ? left : std::min<Duration>(left, kLook);
      ::poll(watched, std::size(watched), static_cast<int>(look / 1ms) + 1);
      if (watched[2].revents) {
        result_.cancelled = asked_ = true;
        until = push(until);
      } else if (watched[1].revents) {
        const bool whole = !result_.cut;
        read();
        if (whole && result_.cut) until = push(until);
      }
    }
    read();
    ::kill(-pid_, SIGKILL);  // what it left behind; its number is still taken, so the group is its own
    int status = 0;
    if (::waitpid(pid_, &status, 0) == pid_) result_.wait_status = status;
  }

 private:
  bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid_;
  }

  // SIGTERM first, then SIGKILL. When to do more.
  Timestamp push(Timestamp) {
    ::kill(-pid_, asked_ ? SIGKILL : SIGTERM);
    killed_ = asked_;
    asked_ = true;
    return MonotonicClock::now() + (killed_ ? kLastWait : kGrace);
  }

  // What is there now.
  void read() {
    char part[65536];
    while (output_.valid()) {
      const ssize_t got = ::read(output_.get(), part, sizeof part);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0 && errno == EAGAIN) return;
      if (got <= 0) return output_.reset();
      const std::uint64_t room = bounds_.max_bytes - result_.output.size();
      const std::size_t taken = static_cast<std::size_t>(std::min<std::uint64_t>(room, static_cast<std::uint64_t>(got)));
      result_.output.append(part, taken);
      result_.cut |= taken < static_cast<std::size_t>(got);
      if (result_.cut) return output_.reset();  // the next write gets SIGPIPE
    }
  }

  pid_t pid_;
  FileDescriptor ended_, output_;
  const CommandBounds& bounds_;
  CommandResult& result_;
  bool asked_ = false, killed_ = false;  // by SIGTERM, by SIGKILL
};

}  // namespace

CommandResult run_bounded(const std::vector<std::string>& command, const CommandBounds& bounds) {
  CommandResult result;
  std::string path;
  try {
    path = resolve_command(command.front(), kSpawnPath);
  } catch (const CommandError& error) {
    result.error = error.what;
    return result;
  }
  if (const std::string why = bounds.ourselves ? "" : why_not_trusted(path); !why.empty()) {
    result.error = "'" + path + "' is not run: " + why;
    return result;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC)) {
    result.error = system_error("make a pipe", errno).what();
    return result;
  }
  FileDescriptor output(ends[0]), input(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = 0;
  const FileDescriptor said_to_it = input_file(bounds.input);
  if (const int error = spawn_apart(path, command, {said_to_it.get(), input.get(), input.get()}, bounds.environment, pid)) {
    result.error = system_error("run '" + path + "'", error).what();
    return result;
  }
  input.reset();
  Running(pid, std::move(output), bounds, result).watch();
  return result;
}

}  // namespace fdr
