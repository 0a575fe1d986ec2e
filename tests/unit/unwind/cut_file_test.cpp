#include "unwind/cut_file.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <string>

using namespace fdr;

namespace {

constexpr std::size_t kPage = 4096, kPages = 8;

// In a process of its own, which it may end: 0 where all was as it should be.
template <class Body>
int status_of(const Body& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

bool reads_a_cut_file() {
  char path[] = "/tmp/fdr-cut-XXXXXX";
  const int file = ::mkstemp(path);
  ::unlink(path);
  const std::string text(kPage * kPages, 'x');
  if (::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) return false;
  const auto* mapped = static_cast<const volatile char*>(::mmap(nullptr, text.size(), PROT_READ, MAP_PRIVATE, file, 0));
  if (mapped == MAP_FAILED || ::ftruncate(file, kPage + 1)) return false;
  bool good = mapped[0] == 'x' && mapped[kPage] == 'x' && mapped[kPage + 1] == 0;
  for (std::size_t page = 2; page < kPages; ++page) good = good && mapped[page * kPage + 17] == 0;
  return good;
}

}  // namespace

TEST_CASE("cut file: what is gone of a mapped file reads as zeros; without the guard it ends the reader") {
  const int unguarded = status_of([] {
    ::signal(SIGBUS, SIG_DFL);
    return reads_a_cut_file();
  });
  CHECK(WIFSIGNALED(unguarded));
  CHECK(status_of([] {
          survive_cut_files();
          return reads_a_cut_file();
        }) == 0);
}

TEST_CASE("cut file: a SIGBUS that somebody sends is one") {
  const int status = status_of([] {
    survive_cut_files();
    ::raise(SIGBUS);
    return true;
  });
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGBUS);
}
