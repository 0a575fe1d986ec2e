#include "recorder/control/host_checks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "formats/error.hpp"
#include "formats/json_writer.hpp"
#include "formats/text.hpp"
#include "recorder/config/config.hpp"
#include "recorder/control/run_directory.hpp"
#include "recorder/metrics/cgroup.hpp"
#include "recorder/sources/bpf_source.hpp"
#include "recorder/sources/perf_events.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/window_programs.hpp"
#include "recorder/system/disk_room.hpp"
#include "recorder/system/pid_namespace.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/proc_reader.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostDead = 16;  // of recorders, told one by one

std::string first_line(const std::string& path) {
  const std::string text = read_small_file(path).value_or("");
  return text.substr(0, text.find('\n'));
}

HostCheck programs_check(const std::optional<KnownBackend>& running) {
  try {
    const std::vector<std::string> missing = running ? running->lacking : try_programs();
    if (missing.empty()) return {"BPF features", "all there", "", "", Grade::kOk};
    return {"BPF features", fmt::format("{} missing", missing.size()), printable(fmt::format("{}", fmt::join(missing, "; "))), "", Grade::kLess};
  } catch (const Error& error) {
    return {"BPF features", printable(error.what()), "nothing can be recorded; reading bundles works", printable(error.hint()), Grade::kNone};
  }
}

// Then all are 0; the first may be so anyway, where the areas of the CPUs begin there.
bool addresses_are_hidden(std::string_view symbols) {
  while (!symbols.empty()) {
    const std::string_view line = symbols.substr(0, symbols.find('\n'));
    symbols.remove_prefix(std::min(symbols.size(), line.size() + 1));
    if (symbols.empty()) break;  // the piece that was read ends within it
    if (line.substr(0, line.find(' ')).find_first_not_of('0') != std::string_view::npos) return false;
  }
  return true;
}

// Whether files are reached through the mappings of a process: those of our own, as we may look at them.
bool reaches_mapped_files() {
  const std::vector<Mapping> own = parse_maps(read_small_file("/proc/self/maps").value_or(""));
  const auto file = std::find_if(own.begin(), own.end(), [](const Mapping& mapping) { return mapping.module.kind == ModuleKind::kFile; });
  return file != own.end() && ::access(mapped_file(::getpid(), *file).c_str(), R_OK) == 0;
}

// The version of cgroups in which our own group is seen; empty where it is not.
std::string cgroups_seen() {
  const auto place = find_cgroup("memory", read_small_file("/proc/self/cgroup").value_or(""), cgroup_mounts("/proc"));
  return !place ? "" : place->v2 ? "v2" : "v1";
}

void check_backends(const std::optional<KnownBackend>& running, std::vector<HostCheck>& checks) {
  const BpfSupport bpf = probe_bpf();
  const BpfComforts comforts = probe_bpf_comforts();
  const PerfSupport perf = probe_perf();
  const bool root = ::geteuid() == 0;
  checks.push_back({"user", root ? "root" : fmt::format("uid {}", ::geteuid()), root ? "" : "only our own processes can be recorded, and not all of them",
                    root ? "" : "run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYSLOG", root ? Grade::kOk : Grade::kLess});
  const bool all = bpf.problem.empty();
  checks.push_back({"backend", all ? "bpf" : perf.clock ? "perf" : "proc",
                    all ? "" : perf.clock ? "nothing of other programs, no memory growth by place, no sends, no --heap" : "metrics and rules alone: no samples, no system calls, no stalls",
                    all ? "" : "see what is missing for bpf below", all ? Grade::kOk : perf.clock ? Grade::kLess : Grade::kNone});
  checks.push_back({"kernel BTF", bpf.btf ? "present" : "missing", bpf.btf ? "" : "the bpf backend cannot start",
                    bpf.btf ? "" : "use a kernel built with CONFIG_DEBUG_INFO_BTF", bpf.btf ? Grade::kOk : Grade::kLess});
  checks.push_back({"BPF programs", bpf.load ? "can be loaded" : "refused", bpf.load ? "" : "the bpf backend cannot start",
                    bpf.load ? "" : "grant CAP_BPF and CAP_PERFMON", bpf.load ? Grade::kOk : Grade::kLess});
  checks.push_back({"clock samples", bpf.perf ? "of every CPU" : perf.clock ? "of our own processes" : "refused", comforts.perf_links ? "" : bpf.perf ? "they end with a recorder that is killed (before 5.15)" : perf.clock ? "the bpf backend cannot start" : "no stacks of what runs",
                    bpf.perf ? "" : perf.clock ? "grant CAP_PERFMON" : "lower kernel.perf_event_paranoid to 2, or grant CAP_PERFMON", bpf.perf ? Grade::kOk : Grade::kLess});
  if (running ? running->bpf : bpf.btf && bpf.load) checks.push_back(programs_check(running));
  const bool tracepoints = perf.enter && perf.leave && perf.blocked;
  checks.push_back({"perf tracepoints", tracepoints ? "readable" : "not readable", tracepoints ? "" : "backend perf: no system calls, and of stalls neither state nor stack",
                    tracepoints ? "" : "grant CAP_PERFMON and CAP_DAC_READ_SEARCH; mount -t tracefs tracefs /sys/kernel/tracing", tracepoints ? Grade::kOk : Grade::kLess});
  const bool uprobes = ::access("/sys/bus/event_source/devices/uprobe", F_OK) == 0;
  checks.push_back({"allocation probes", !uprobes ? "no uprobes" : comforts.uprobe_sessions ? "uprobe sessions" : "uprobes without sessions (before 6.13)",
                    !uprobes ? "--heap cannot tell who holds memory" : comforts.uprobe_sessions ? "" : "--heap costs twice as much, and samples within an allocator have no callers", "",
                    Grade::kOk});
  const bool numbers = has_host_pids();
  checks.push_back({"PID namespace", numbers ? "the host's" : "its own", numbers ? "" : "the bpf backend cannot start", numbers ? "" : kOtherNumbersRemedy,
                    numbers ? Grade::kOk : Grade::kLess});
}

void check_surroundings(std::vector<HostCheck>& checks) {
  std::string problem;
  const bool pins = ::geteuid() == 0 && mount_bpf_filesystem(&problem);
  checks.push_back({"BPF filesystem", pins ? "mounted" : "not available", pins ? "" : "the window does not survive the recorder",
                    pins ? "" : "mount -t bpf bpf /sys/fs/bpf", pins ? Grade::kOk : Grade::kLess});
  const std::string symbols = read_small_file("/proc/kallsyms", 4096).value_or("");
  const bool hidden = addresses_are_hidden(symbols);
  checks.push_back({"kernel symbols", hidden ? "hidden" : "readable", hidden ? "kernel frames have no names" : "",
                    hidden ? "grant CAP_SYSLOG (kernel.kptr_restrict)" : "", hidden ? Grade::kLess : Grade::kOk});
  checks.push_back({"perf_event_paranoid", first_line("/proc/sys/kernel/perf_event_paranoid"), "", "", Grade::kOk});
  const bool mapped = reaches_mapped_files();
  checks.push_back({"mapped files", mapped ? "reached" : "not reached", mapped ? "" : "programs whose file was deleted or replaced while they run have no names",
                    mapped ? "" : "grant CAP_CHECKPOINT_RESTORE", mapped ? Grade::kOk : Grade::kLess});
  const std::string groups = cgroups_seen();
  checks.push_back({"cgroups", groups.empty() ? "not seen" : groups, groups.empty() ? "cgroup.* is unknown: no quota, no throttling, no limit of memory" : "",
                    groups.empty() ? "mount -t cgroup2 cgroup2 /sys/fs/cgroup" : "", groups.empty() ? Grade::kLess : Grade::kOk});
  const bool pressure = ::access(unless_missing("psi", "/proc/pressure/cpu").c_str(), R_OK) == 0;
  checks.push_back({"pressure (PSI)", pressure ? "present" : "missing", pressure ? "" : "host.psi.* is unknown", pressure ? "" : "boot with psi=1",
                    pressure ? Grade::kOk : Grade::kLess});
  const std::string directory = Config{}.directory;
  if (!answers(directory))
    checks.push_back({"room for bundles", fmt::format("{}: {}", directory, kSilent), "nothing is written there", "choose another bundle.directory (-o)", Grade::kLess});
  else if (const auto disk = disk_room(directory))
    checks.push_back({"room for bundles", fmt::format("{} free at {}", bytes_text(static_cast<double>(disk->free)), disk->place), "", "", Grade::kOk});
}

void check_recorders(std::vector<HostCheck>& checks) {
  const KnownRecorders known = known_recorders();
  checks.push_back({"recorders", fmt::format("{} running", known.alive.size()),
                    known.alive.size() > 1 ? "each adds its own hooks to every system call" : "", "", Grade::kOk});
  std::vector<std::string> dead = dead_windows();
  dead.resize(std::min(dead.size(), kMostDead));
  for (const std::string& name : dead)
    checks.push_back({"dead recorder", name, "its window waits to be written; its hooks may still cost every system call", "fdr recover " + name, Grade::kLess});
}

}  // namespace

std::vector<HostCheck> check_host(const std::optional<KnownBackend>& running) {
  std::vector<HostCheck> checks;
  check_backends(running, checks);
  check_surroundings(checks);
  check_recorders(checks);
  return checks;
}

const char* grade_word(Grade grade) { return grade == Grade::kOk ? "ok" : grade == Grade::kLess ? "less" : "cannot"; }

std::string checks_json(const std::vector<HostCheck>& checks) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.array([&] {
    for (const HostCheck& check : checks)
      json.object([&] {
        json.field("check", check.name);
        json.field("value", check.value);
        json.field("verdict", grade_word(check.verdict));
        json.field("effect", check.effect);
        json.field("remedy", check.remedy);
      });
  });
  return std::move(json).text();
}

}  // namespace fdr
