#include "recorder/system/spawn.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <unistd.h>

#include <csignal>

namespace fdr {

const char* const kSpawnPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

namespace {

class SpawnPlan {
 public:
  explicit SpawnPlan(const SpawnDescriptors& descriptors) {
    ::posix_spawn_file_actions_init(&actions_);
    if (descriptors.input < 0) {
      ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    } else {
      ::posix_spawn_file_actions_adddup2(&actions_, descriptors.input, STDIN_FILENO);
    }
    ::posix_spawn_file_actions_adddup2(&actions_, descriptors.output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, descriptors.errors, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawn_file_actions_addchdir_np(&actions_, "/");
    ::posix_spawnattr_init(&attributes_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    // Ours are blocked or ignored, which an execve would hand on.
    for (const int signal : {SIGPIPE, SIGXFSZ, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCHLD, SIGUSR1, SIGUSR2}) sigaddset(&usual, signal);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &usual);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;

  int spawn(const std::string& path, std::vector<std::string> command, std::vector<std::string> environment, pid_t& pid) const {
    return ::posix_spawn(&pid, path.c_str(), &actions_, &attributes_, pointers(command).data(), pointers(environment).data());
  }

 private:
  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (std::string& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  }

  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

}  // namespace

int spawn_apart(const std::string& path, const std::vector<std::string>& command, const SpawnDescriptors& descriptors,
                const std::vector<std::string>& environment, pid_t& pid) {
  std::vector<std::string> all = {std::string("PATH=") + kSpawnPath, "LANG=C.UTF-8"};
  all.insert(all.end(), environment.begin(), environment.end());
  return SpawnPlan(descriptors).spawn(path, command, all, pid);
}

}  // namespace fdr
