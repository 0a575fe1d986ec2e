#include "recorder/system/own_privileges.hpp"

#include <doctest/doctest.h>
#include <linux/capability.h>

#include <set>

using namespace fdr;

namespace {

std::set<int> numbers(const PrivilegeNeeds& needs) {
  std::set<int> found;
  for (const Capability& capability : needed_capabilities(needs)) found.insert(capability.number);
  return found;
}

}  // namespace

TEST_CASE("own privileges: nothing that writes, signals or administers unless it is needed") {
  const std::set<int> least = numbers({});
  for (const int never : {CAP_DAC_OVERRIDE, CAP_KILL, CAP_SYS_ADMIN, CAP_SETUID, CAP_SYS_MODULE, CAP_NET_ADMIN, CAP_CHOWN, CAP_SYS_RESOURCE, CAP_NET_BIND_SERVICE}) CHECK_FALSE(least.contains(never));
  CHECK(least.contains(CAP_BPF));
  CHECK(numbers({.wraps = true}).contains(CAP_KILL));
  CHECK(numbers({.commands = true}).contains(CAP_KILL));
  CHECK(numbers({.low_port = true}).contains(CAP_NET_BIND_SERVICE));
  CHECK(numbers({.others_directory = true}).contains(CAP_DAC_OVERRIDE));
  CHECK(capability_mask({{CAP_CHOWN, ""}, {CAP_BPF, ""}}) == (std::uint64_t{1} << CAP_CHOWN | std::uint64_t{1} << CAP_BPF));
}

TEST_CASE("own privileges: what a configuration needs") {
  Config config;
  CHECK_FALSE(needs_of(config, "attach").commands);
  CHECK_FALSE(needs_of(config, "attach").wraps);
  CHECK(needs_of(config, "run").wraps);
  config.collectors.emplace_back().file = "/proc/version";
  CHECK_FALSE(needs_of(config, "attach").commands);
  config.notifiers.emplace_back().command = {"true"};
  CHECK(needs_of(config, "attach").commands);
  HeartbeatConfig beat;
  beat.from = BeatSource::kUdp;
  beat.port = 5000;
  config.heartbeats = {beat};
  CHECK_FALSE(needs_of(config, "attach").low_port);
  config.heartbeats.front().port = 514;
  CHECK(needs_of(config, "attach").low_port);
}
