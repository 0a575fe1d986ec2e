#include "recorder/control/service_manager.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "recorder/heartbeats/datagrams.hpp"
#include "tests/unit/recorder/test_directory.hpp"

using namespace fdr;
using namespace fdr::test;
using namespace std::chrono_literals;

namespace {

FileDescriptor listen_at(const std::string& path) {
  FileDescriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  take_senders(socket.get());
  return socket;
}

std::vector<std::string> texts(int socket) {
  std::vector<std::string> all;
  for (const Datagram& datagram : drain_datagrams(socket)) all.push_back(datagram.text);
  return all;
}

}  // namespace

TEST_CASE("service manager: nobody to tell is no trouble") {
  for (const char* address : {"", "@", "relative", "/"}) {
    ServiceManager manager(address, 1s);
    CHECK_FALSE(manager.tell("READY=1"));
    manager.alive(Timestamp{});
  }
  CHECK_FALSE(ServiceManager("/" + std::string(200, 'x'), {}).present());
  CHECK_FALSE(ServiceManager("/nonexistent/notify", {}).tell("READY=1"));
}

TEST_CASE("service manager: lines arrive with our credentials and with descriptors; a full queue does not block") {
  const TestDirectory directory;
  const std::string path = directory.path("notify");
  const FileDescriptor socket = listen_at(path);
  ServiceManager manager(path, {});
  const FileDescriptor sent(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int descriptors[] = {sent.get()};
  CHECK(manager.tell("READY=1\nSTATUS=on", descriptors));
  const auto got = drain_datagrams(socket.get(), {.descriptors = true});
  REQUIRE(got.size() == 1);
  CHECK(got[0].text == "READY=1\nSTATUS=on");
  CHECK(got[0].pid == ::getpid());
  CHECK(got[0].uid == ::geteuid());
  REQUIRE(got[0].descriptors.size() == 1);
  struct stat here {}, there {};
  CHECK(::fstat(sent.get(), &here) == 0);
  CHECK(::fstat(got[0].descriptors[0].get(), &there) == 0);
  CHECK(here.st_rdev == there.st_rdev);
  bool taken = true;
  for (int i = 0; i < 10'000 && taken; ++i) taken = manager.tell("STATUS=again");
  CHECK_FALSE(taken);
}

TEST_CASE("service manager: alive is told each half of what systemd waits for, where it waits") {
  const TestDirectory directory;
  const FileDescriptor socket = listen_at(directory.path("notify"));
  ServiceManager watched(directory.path("notify"), 2s), unwatched(directory.path("notify"), {});
  const Timestamp begin = Timestamp{} + 100s;
  for (Duration passed{}; passed < 3s; passed += 100ms) {
    watched.alive(begin + passed);
    unwatched.alive(begin + passed);
  }
  CHECK(texts(socket.get()) == std::vector<std::string>{"WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"});
}

TEST_CASE("datagrams: what is longer than asked for is cut and said to be; descriptors nobody asked for are closed") {
  const TestDirectory directory;
  const std::string path = directory.path("notify");
  const FileDescriptor socket = listen_at(path);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0);
  const FileDescriptor reader(ends[0]);
  {
    const FileDescriptor writer(ends[1]);
    const int descriptors[] = {writer.get()};
    CHECK(ServiceManager(path, {}).tell(std::string(100, 'x'), descriptors));
  }
  const auto got = drain_datagrams(socket.get());
  REQUIRE(got.size() == 1);
  CHECK(got[0].cut);
  CHECK(got[0].text == std::string(64, 'x'));
  char byte;
  CHECK(::read(reader.get(), &byte, 1) == 0);  // no other end is open any more
}
