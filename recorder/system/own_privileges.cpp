#include "recorder/system/own_privileges.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "formats/error.hpp"
#include "recorder/system/patience.hpp"

namespace fdr {
namespace {

constexpr int kFirstFreePort = 1024;

constexpr std::uint64_t bit(int capability) { return std::uint64_t{1} << capability; }

struct Sets {
  std::uint64_t effective = 0, permitted = 0, inheritable = 0;
};

Sets own_sets() {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  if (::syscall(SYS_capget, &head, data.data())) throw system_error("look at our own capabilities", errno);
  const auto joined = [&](auto member) { return std::uint64_t{data[0].*member} | std::uint64_t{data[1].*member} << 32; };
  return {joined(&__user_cap_data_struct::effective), joined(&__user_cap_data_struct::permitted), joined(&__user_cap_data_struct::inheritable)};
}

// Of the calling thread.
bool take_sets(const Sets& sets) {
  __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> data{};
  for (unsigned i = 0; i < data.size(); ++i) {
    data[i].effective = static_cast<std::uint32_t>(sets.effective >> (32 * i));
    data[i].permitted = static_cast<std::uint32_t>(sets.permitted >> (32 * i));
    data[i].inheritable = static_cast<std::uint32_t>(sets.inheritable >> (32 * i));
  }
  return ::syscall(SYS_capset, &head, data.data()) == 0;
}

// Of a path that is still to be made, the part that is there already.
bool may_write_below(std::string path) {
  while (::faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS)) {
    if (errno != ENOENT) return errno != EACCES && errno != EPERM;
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) path = ".";
    else if (path.size() == 1) return true;
    else path.resize(std::max<std::size_t>(slash, 1));
  }
  return true;
}

// Whether root's own right to write anywhere is what lets us write there.
bool is_others(const std::string& path, const Sets& sets) {
  Sets without = sets;
  without.effective &= ~bit(CAP_DAC_OVERRIDE);
  if (without.effective == sets.effective || !take_sets(without)) return false;
  const bool mine = may_write_below(path);
  take_sets(sets);
  return !mine;
}

// For what is executed from now on. Without CAP_SETPCAP the set stays as it was given to us.
void bound(std::uint64_t kept) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (!(kept & bit(capability))) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) throw system_error("set no_new_privs", errno);
}

// Locked memory is what programs (before Linux 5.11) and the side band are charged to; the right to exceed a limit is given up.
void lift_locked_memory() {
  const rlimit all{RLIM_INFINITY, RLIM_INFINITY};
  rlimit now{};
  if (::setrlimit(RLIMIT_MEMLOCK, &all) == 0 || ::getrlimit(RLIMIT_MEMLOCK, &now)) return;
  now.rlim_cur = now.rlim_max;
  ::setrlimit(RLIMIT_MEMLOCK, &now);
}

}  // namespace

PrivilegeNeeds needs_of(const Config& config, const std::string& mode) {
  PrivilegeNeeds needs{.wraps = mode == "run"};
  const auto runs = [](const auto& entries) { return std::any_of(entries.begin(), entries.end(), [](const auto& entry) { return !entry.command.empty(); }); };
  needs.commands = runs(config.collectors) || runs(config.notifiers) || runs(config.metrics) || runs(config.heartbeats);
  for (const HeartbeatConfig& beat : config.heartbeats) needs.low_port |= beat.from == BeatSource::kUdp && beat.port < kFirstFreePort;
  const Sets sets = own_sets();
  const std::string history = config.history.directory.empty() ? config.directory : config.history.directory;
  needs.others_directory = is_others(config.directory, sets) || (config.history.enabled && is_others(history, sets));
  return needs;
}

std::vector<Capability> needed_capabilities(const PrivilegeNeeds& needs) {
  std::vector<Capability> all = {
      {CAP_BPF, "programs: those of a target that comes later, their maps"},
      {CAP_PERFMON, "clock events, of CPUs that come later too; programs that read kernel memory"},
      {CAP_SYS_PTRACE, "/proc and the memory of targets"},
      {CAP_DAC_READ_SEARCH, "their files, and logs"},
      {CAP_CHECKPOINT_RESTORE, "the mapped file itself, whatever its path holds by now (map_files)"},
      {CAP_SYSLOG, "names of kernel functions, the kernel's log"},
      {CAP_SYS_NICE, "ticks in time on a busy host"},
  };
  if (needs.wraps || needs.commands) all.push_back({CAP_KILL, "signals for the command that is wrapped, the end of a command that takes too long"});
  if (needs.low_port) all.push_back({CAP_NET_BIND_SERVICE, "the port of a heartbeat"});
  if (needs.others_directory) all.push_back({CAP_DAC_OVERRIDE, "a directory of bundles that belongs to somebody else"});
  return all;
}

std::uint64_t capability_mask(const std::vector<Capability>& capabilities) {
  std::uint64_t mask = 0;
  for (const Capability& capability : capabilities) mask |= bit(capability.number);
  return mask;
}

void keep_only(const PrivilegeNeeds& needs) {
  lift_locked_memory();
  end_patience();  // its thread would go on with what we give up
  const std::uint64_t kept = capability_mask(needed_capabilities(needs));
  if (!needs.commands) bound(kept);
  Sets sets = own_sets();
  sets.permitted &= kept | bit(CAP_SYS_ADMIN);
  sets.effective &= kept;
  if (!needs.commands) sets.inheritable = 0;
  if (!take_sets(sets)) throw system_error("give up capabilities", errno);
}

RaisedAdmin::RaisedAdmin() {
  Sets sets = own_sets();
  if (sets.effective & bit(CAP_SYS_ADMIN) || !(sets.permitted & bit(CAP_SYS_ADMIN))) return;
  sets.effective |= bit(CAP_SYS_ADMIN);
  raised_ = take_sets(sets);
}

RaisedAdmin::~RaisedAdmin() {
  if (!raised_) return;
  Sets sets = own_sets();
  sets.effective &= ~bit(CAP_SYS_ADMIN);
  take_sets(sets);
}

}  // namespace fdr
