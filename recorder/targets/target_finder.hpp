// Which processes a [[target]] means: at the start, and later, when one of them starts again or another of its kind comes.
//
// A target given by pid is those processes and no others; one that is described (comm, exe, unit, cgroup, container, all) is whoever fits.
// Fit is read from /proc: comm, exe, and the paths of cgroup (a unit is a directory of that path, as systemd names it: cgroups(7),
// systemd.unit(5)). All are those that have memory of their own, without ourselves, what we started, and who started us.
// What it costs is bounded: looking at 5 000 processes takes about 60 ms of CPU, so that is done the less often the longer it took.
// Session thread only.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/clock.hpp"
#include "recorder/config/config.hpp"
#include "recorder/targets/process_identity.hpp"

namespace fdr {

// Whether the target is described, and not only named by pids.
bool is_described(const TargetConfig& target);
// Whether the text of a /proc/PID/cgroup is that of a process in the unit ("nginx.service"), or in the group or below it ("/box/app").
bool in_unit(std::string_view cgroup_text, std::string_view unit);
bool in_cgroup(std::string_view cgroup_text, std::string_view path);
// "nginx" is nginx.service, as for systemctl.
std::string full_unit_name(const std::string& unit);

// Of these, all but kernel threads (kthreadd, pid 2, and its children), `self`, its descendants and its ancestors.
std::vector<std::int32_t> everybody_else(const std::vector<LivingProcess>& living, std::int32_t self);

// Whom a target means now (not ourselves), its own pids first. Their children are not listed.
std::vector<ProcessIdentity> matching_processes(const TargetConfig& target);

class TargetFinder {
 public:
  explicit TargetFinder(const std::vector<TargetConfig>& targets);

  struct Found {
    std::uint32_t target = 0;
    std::vector<ProcessIdentity> processes;  // that were not followed
  };
  // Whether it is time to look again: a second after the last time, or as much later as keeps it below a thousandth of a CPU (while
  // nothing is followed, a two hundredth).
  bool due(bool nothing_followed, Timestamp now) const;
  // `followed`: every live process of any target.
  std::vector<Found> look(const std::set<std::int32_t>& followed, Timestamp now);

 private:
  std::vector<TargetConfig> targets_;
  bool any_described_ = false;
  Timestamp looked_{};
  Duration took_{};
};

}  // namespace fdr
