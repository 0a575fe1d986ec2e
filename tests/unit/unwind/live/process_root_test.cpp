#include "unwind/live/process_root.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace fdr;

namespace {

std::string text_of(const FileDescriptor& file) {
  std::ifstream stream(path_of(file));
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

TEST_CASE("process root: a link out of a process's root leads back into it") {
  if (::geteuid() != 0) return;  // chroot(2)
  char pattern[] = "/tmp/fdr-root-XXXXXX";
  REQUIRE(::mkdtemp(pattern));
  const std::filesystem::path root = pattern;
  std::filesystem::create_directories(root / "etc");
  std::ofstream(root / "etc/hostname") << "of the process";
  std::filesystem::create_symlink("/etc/hostname", root / "absolute");
  std::filesystem::create_symlink("../../../../../etc/hostname", root / "upwards");
  ::mkfifo((root / "fifo").c_str(), 0600);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const bool moved = ::chroot(pattern) == 0;
    [[maybe_unused]] const ssize_t told = ::write(ends[1], &moved, sizeof moved);
    ::pause();
    ::_exit(0);
  }
  bool moved = false;
  REQUIRE(::read(ends[0], &moved, sizeof moved) == sizeof moved);
  REQUIRE(moved);
  for (const char* path : {"/etc/hostname", "/absolute", "/upwards"}) {
    const FileDescriptor file = find_in_root(child, path);
    REQUIRE(file.valid());
    CHECK(text_of(file) == "of the process");
  }
  CHECK(find_in_root(child, "/fifo").valid());  // named, not opened: nobody waits
  CHECK_FALSE(find_in_root(child, "/nothing").valid());
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  CHECK_FALSE(find_in_root(child, "/etc/hostname").valid());
  ::close(ends[0]);
  ::close(ends[1]);
  std::filesystem::remove_all(root);
}
