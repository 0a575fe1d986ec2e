#include "recorder/targets/target_finder.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>

#include "recorder/targets/proc_reader.hpp"

using namespace fdr;

namespace {

constexpr const char* kV1 = "4:memory:/box/app\n1:name=systemd:/system.slice/nginx.service\n0::/\n";
constexpr const char* kV2 = "0::/system.slice/system-getty.slice/getty@tty1.service\n";

TargetConfig by_comm(const std::string& comm) {
  TargetConfig target;
  target.name = "t";
  target.comm = comm;
  return target;
}

bool holds(const std::vector<ProcessIdentity>& processes, std::int32_t pid) {
  return std::any_of(processes.begin(), processes.end(), [&](const ProcessIdentity& process) { return process.pid == pid; });
}

}  // namespace

TEST_CASE("targets: a unit is a directory of the cgroup's path, in whichever hierarchy") {
  CHECK(full_unit_name("nginx") == "nginx.service");
  CHECK(full_unit_name("getty@tty1.service") == "getty@tty1.service");
  CHECK(in_unit(kV1, "nginx.service"));
  CHECK_FALSE(in_unit(kV1, "nginx.servic"));
  CHECK_FALSE(in_unit(kV1, "ginx.service"));
  CHECK(in_unit(kV2, "getty@tty1.service"));
  CHECK(in_unit(kV2, "system.slice"));  // whoever is in the slice
  CHECK_FALSE(in_unit("", "nginx.service"));
  CHECK_FALSE(in_unit("garbage\n::\n", "nginx.service"));
}

TEST_CASE("targets: a cgroup is that group and what is below it") {
  CHECK(in_cgroup(kV1, "/box/app"));
  CHECK(in_cgroup(kV1, "/box"));
  CHECK_FALSE(in_cgroup(kV1, "/bo"));
  CHECK_FALSE(in_cgroup(kV1, "/box/app/below"));
  CHECK(in_cgroup(kV2, "/system.slice"));
}

TEST_CASE("targets: whoever is described is looked for, again after a pause, and who is followed is not found again") {
  const TargetConfig own = by_comm(comm_of(::getpid()));
  const std::int32_t parent = ::getppid();
  const TargetConfig shell = by_comm(comm_of(parent));
  CHECK_FALSE(holds(matching_processes(own), ::getpid()));  // never ourselves

  TargetFinder finder({own, shell});
  const Timestamp begin{from_seconds(100)};
  REQUIRE(finder.due(true, begin));
  std::vector<TargetFinder::Found> found = finder.look({}, begin);
  const auto of_parent = std::find_if(found.begin(), found.end(), [](const auto& one) { return one.target == 1; });
  REQUIRE(of_parent != found.end());
  CHECK(holds(of_parent->processes, parent));
  CHECK_FALSE(finder.due(true, begin + from_seconds(0.9)));
  CHECK(finder.due(true, begin + from_seconds(3600)));
  for (const auto& one : finder.look({parent}, begin + from_seconds(3600)))
    CHECK_FALSE(holds(one.processes, parent));

  TargetConfig fixed;
  fixed.pids = {parent};
  CHECK_FALSE(TargetFinder({fixed}).due(true, begin));  // pids are not looked for
}

TEST_CASE("targets: all are all but the kernel's threads, ourselves, who started us, and what we started") {
  const auto process = [](std::int32_t pid, std::int32_t parent, const char* name) { return LivingProcess{pid, parent, 0, name}; };
  const std::vector<LivingProcess> living = {process(1, 0, "init"),  process(2, 0, "kthreadd"), process(9, 2, "ksoftirqd/0"), process(50, 1, "sshd"),   process(60, 50, "sh"),
                                             process(70, 60, "fdr"), process(71, 70, "sh"),     process(72, 71, "ss"),        process(61, 50, "top"), process(80, 1, "web")};
  CHECK(everybody_else(living, 70) == std::vector<std::int32_t>{61, 80});
  // In a container pid 2 is anybody.
  CHECK(everybody_else({process(1, 0, "sh"), process(2, 1, "web"), process(3, 2, "worker"), process(4, 1, "fdr")}, 4) == std::vector<std::int32_t>{2, 3});
  // What /proc said of two processes at two moments may go round.
  CHECK(everybody_else({process(5, 6, "a"), process(6, 5, "b"), process(7, 5, "fdr"), process(8, 1, "c")}, 7) == std::vector<std::int32_t>{8});
}

TEST_CASE("targets: a container is whoever its id's cgroup holds") {
  TargetConfig container;
  container.container = std::string(64, 'e');
  CHECK(is_described(container));
  CHECK(matching_processes(container).empty());
  TargetConfig all;
  all.all = true;
  CHECK(is_described(all));
  CHECK_FALSE(holds(matching_processes(all), ::getppid()));
}

TEST_CASE("targets: whose number is another's by now is not who was meant, and nor are its children") {
  const ProcessIdentity self = identity_of(::getpid()), parent = identity_of(::getppid());
  REQUIRE(parent.start_boottime_ns > 0);
  CHECK(holds(with_descendants({parent}), parent.pid));
  const std::vector<ProcessIdentity> left = with_descendants({{parent.pid, parent.start_boottime_ns - 10'000'000}, self});
  CHECK_FALSE(holds(left, parent.pid));
  CHECK(left.front() == self);
  CHECK(with_descendants({{parent.pid, 0}}).front() == ProcessIdentity{parent.pid, 0});  // whoever it is
}
