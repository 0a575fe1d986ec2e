// What a recorder may still do once it runs: the capabilities that what it was asked for needs, and no other (capabilities(7)).
//
// Taken before its first thread starts: a thread has a set of its own and gives it to those it starts. The command of `fdr run` has been
// forked by then and keeps what it would have without us. Where no command of the user's is ever run, execve gives nothing back either
// (bounding set, no_new_privs); where one is, it runs with what the recorder was started with. Two system calls instead of libcap, which
// changes one thread too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "recorder/config/config.hpp"

namespace fdr {

// What decides about the capabilities that not every recorder needs.
struct PrivilegeNeeds {
  bool wraps = false;              // run: signals are passed on to a command that may be another user's by now
  bool commands = false;           // collectors, notifications, metrics, heartbeats: commands are run, and ended at their deadline
  bool low_port = false;           // a heartbeat is heard on a port below 1024
  bool others_directory = false;   // bundles or the history go into a directory that is not ours to write
};
PrivilegeNeeds needs_of(const Config& config, const std::string& mode);

struct Capability {
  int number;  // CAP_*
  const char* why;
};
// In force all the time.
std::vector<Capability> needed_capabilities(const PrivilegeNeeds& needs);
std::uint64_t capability_mask(const std::vector<Capability>& capabilities);

// Gives up all but these; CAP_SYS_ADMIN, where it is there, stays aside for RaisedAdmin. Of what we never had nothing is missing: what
// then does not work says so itself. Throws Error where the kernel refuses.
void keep_only(const PrivilegeNeeds& needs);

// CAP_SYS_ADMIN in force on this thread while this lives, where it was kept aside: to enter the network namespace of a target.
class RaisedAdmin {
 public:
  RaisedAdmin();
  ~RaisedAdmin();
  RaisedAdmin(const RaisedAdmin&) = delete;

 private:
  bool raised_ = false;
};

}  // namespace fdr
