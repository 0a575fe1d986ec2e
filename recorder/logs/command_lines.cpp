#include "recorder/logs/command_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "recorder/system/child.hpp"
#include "recorder/system/spawn.hpp"

namespace fdr {
namespace {

constexpr Duration kAgain = std::chrono::seconds(30);

struct Pipe {
  FileDescriptor read, write;
};

Pipe make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) == 0) ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

}  // namespace

CommandLines::CommandLines(std::vector<std::string> command, std::string needs) : command_(std::move(command)), needs_(std::move(needs)) {}
CommandLines::~CommandLines() { end(); }

void CommandLines::start(Timestamp now) {
  next_start_ = now + kAgain;
  said_ = false;
  last_error_.clear();
  if (!needs_.empty() && ::access(needs_.c_str(), F_OK)) {
    problem_ = needs_ + " is not there: what writes it does not run";
    return;
  }
  std::string path;
  try {
    path = resolve_command(command_.front(), kSpawnPath);
  } catch (const CommandError& error) {
    problem_ = error.what;
    return;
  }
  Pipe output = make_pipe(), errors = make_pipe();
  const int error = output.write.valid() && errors.write.valid() ? spawn_apart(path, command_, {-1, output.write.get(), errors.write.get()}, {}, pid_) : EMFILE;
  if (error) {
    pid_ = 0;
    problem_ = fmt::format("{} cannot be run: {}", path, std::strerror(error));
    return;
  }
  problem_.clear();
  output_ = std::move(output.read);
  errors_ = std::move(errors.read);
}

// Its number stays taken until it is waited for, so the group is its own. A process that not even SIGKILL ends is left behind.
void CommandLines::end() {
  if (pid_ == 0) return;
  ::kill(-pid_, SIGKILL);
  for (int tries = 0; tries < 100; ++tries) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
    ::usleep(10'000);
  }
  pid_ = 0;
}

void CommandLines::drain_errors() {
  char part[4096];
  for (ssize_t got; errors_.valid() && (got = ::read(errors_.get(), part, sizeof part)) != 0;) {
    if (got < 0) return;
    error_lines_.add({part, static_cast<std::size_t>(got)}, [&](std::string_view line, std::size_t) { last_error_ = line.substr(0, 200); });
  }
}

void CommandLines::read(Timestamp now, const TakeLine& take) {
  if (pid_ == 0) {
    if (now < next_start_) return;
    start(now);
    if (pid_ == 0) return;
  }
  char part[16384];
  bool ended = false;
  for (std::size_t all = 0; all < kPerLook;) {
    const ssize_t got = ::read(output_.get(), part, sizeof part);
    ended = got == 0;
    if (got <= 0) break;
    said_ = true;
    all += static_cast<std::size_t>(got);
    lines_.add({part, static_cast<std::size_t>(got)}, take);
  }
  drain_errors();
  if (!ended) {
    problem_ = said_ ? "" : last_error_;
    return;
  }
  lines_.finish(take);
  int status = 0;
  bool known = false;
  for (int tries = 0; !known && tries < 20; ++tries) {
    if (tries) ::usleep(10'000);  // its end comes a little after that of its stdout
    known = ::waitpid(pid_, &status, WNOHANG) == pid_;
  }
  if (known) pid_ = 0;
  else end();  // it closed its stdout and lives on
  problem_ = fmt::format("{} ended{}{}{}", command_.front(), known && WIFEXITED(status) ? fmt::format(" with exit code {}", WEXITSTATUS(status)) : "",
                         last_error_.empty() ? "" : ": ", last_error_);
}

}  // namespace fdr
