#include "recorder/targets/containers.hpp"

#include <doctest/doctest.h>

using namespace fdr;

namespace {

const std::string kId = "3f2a8b91c07d0123456789abcdef0123456789abcdef0123456789abcdefa1b2";
const std::string kInner(64, 'c');

std::string v2(const std::string& path) { return "0::" + path + "\n"; }

}  // namespace

TEST_CASE("containers: each runtime's way of naming a cgroup after the id") {
  for (const std::string& path : {"/docker/" + kId, "/system.slice/docker-" + kId + ".scope", "/machine.slice/libpod-" + kId + ".scope/container",
                                  "/kubepods/burstable/pod6f0e-11/" + kId, "/kubepods.slice/cri-containerd-" + kId + ".scope", "/x:cri-containerd:" + kId,
                                  "/crio-" + kId + ".scope"}) {
    CAPTURE(path);
    CHECK(container_of(v2(path)) == kId);
    CHECK(container_of("4:memory:" + path + "\n0::/\n") == kId);
    CHECK(in_container(v2(path), kId.substr(0, 12)));
    CHECK_FALSE(in_container(v2(path), kId.substr(1, 12)));
  }
}

TEST_CASE("containers: what is none") {
  for (const std::string& path : {std::string("/"), std::string("/system.slice/nginx.service"), "/docker/" + kId + "0", "/docker/" + kId.substr(1), "/crio-conmon-" + kId + ".scope",
                                  "/dockerG" + kId + "g", "/docker/" + std::string(64, 'C')}) {
    CAPTURE(path);
    CHECK(container_of(v2(path)).empty());
  }
  CHECK(container_of("").empty());
  CHECK(container_of("garbage\n::\n").empty());
}

TEST_CASE("containers: of one inside another, the inner one is named and both are matched") {
  const std::string text = v2("/docker/" + kId + "/docker/" + kInner);
  CHECK(container_of(text) == kInner);
  CHECK(in_container(text, kId));
  CHECK(in_container(text, kInner));
}

TEST_CASE("containers: an id is twelve hexadecimal figures or more") {
  CHECK(is_container_id("3f2a8b91c07d"));
  CHECK(is_container_id(kId));
  CHECK_FALSE(is_container_id("3f2a8b91c07"));
  CHECK_FALSE(is_container_id(kId + "0"));
  CHECK_FALSE(is_container_id("3f2a8b91c07D"));
  CHECK_FALSE(is_container_id("../../../etc/x"));
}

TEST_CASE("containers: the pid inside is the last of NSpid") {
  CHECK(inner_pid("Name:\tsh\nNStgid:\t4711\t12\t1\nNSpid:\t4711\t12\t1\nNSpgid:\t9\n") == 1);
  CHECK_FALSE(inner_pid("Name:\tsh\nNSpid:\t4711\n"));
  CHECK_FALSE(inner_pid("Name:\tNSpid:\t1\t2\n"));
  CHECK_FALSE(inner_pid(""));
}
