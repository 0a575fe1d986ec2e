#include "recorder/system/mounts.hpp"

#include <doctest/doctest.h>

#include <vector>

using namespace fdr;

namespace {

constexpr std::string_view kText =
    "22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw\n"
    "nothing of the kind\n"
    "31 22 0:27 / /data rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2,hard\n"
    "32 31 0:28 /part /data/my\\040files rw - fuse.sshfs me@there:/ rw,user_id=0\n"
    "33 22 0:29 / /data rw - tmpfs tmpfs rw";

}  // namespace

TEST_CASE("mounts: what a line of mountinfo says") {
  std::string_view rest = kText;
  std::vector<Mount> mounts;
  while (auto mount = next_mount(rest)) mounts.push_back(std::move(*mount));
  REQUIRE(mounts.size() == 4);
  CHECK(mounts[0].device == (std::uint64_t{254} << 32 | 1));
  CHECK(mounts[1].type == "nfs4");
  CHECK(mounts[1].options == "rw,vers=4.2,hard");
  CHECK(mounts[2].root == "/part");
  CHECK(mounts[2].point == "/data/my files");
  CHECK(mounts[3].device == 29);
}

TEST_CASE("mounts: a file lies where the nearest was mounted last") {
  const auto type_at = [](std::string_view path) {
    const auto mount = mount_of(path, kText);
    return mount ? std::string(mount->type) : "none";
  };
  CHECK(type_at("/usr/bin/x") == "ext4");
  CHECK(type_at("/database") == "ext4");
  CHECK(type_at("/data") == "tmpfs");  // over the nfs4 of the same place
  CHECK(type_at("/data/x") == "tmpfs");
  CHECK(type_at("/data/my files/x") == "fuse.sshfs");
  CHECK_FALSE(mount_of("/x", ""));
}
