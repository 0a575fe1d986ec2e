// fdr doctor: what works on this host, what does not, and the exact remedy. Exit code 0 all there, 1 less than all,
// 2 nothing of what runs can be sampled (backend proc works everywhere), or wrong usage.
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/host.hpp"
#include "recorder/metrics/oom.hpp"
#include "recorder/metrics/slab.hpp"
#include "recorder/pid_namespace.hpp"
#include "recorder/run_directory.hpp"
#include "recorder/small_file.hpp"
#include "recorder/sources/bpf_source.hpp"
#include "recorder/sources/perf_events.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/window_programs.hpp"
#include "triggers/engine.hpp"

namespace fdr {
namespace {

enum class Grade { kOk, kLess, kNone };

struct Check {
  std::string name, value, effect, remedy;
  Grade verdict = Grade::kOk;
};

std::string first_line(const std::string& path) {
  const std::string text = read_small_file(path).value_or("");
  return text.substr(0, text.find('\n'));
}

// Every program, tried.
Check programs_check() {
  try {
    const std::vector<std::string> missing = try_programs();
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

std::vector<Check> examine() {
  std::vector<Check> checks;
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
  if (bpf.btf && bpf.load) checks.push_back(programs_check());
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
  std::string problem;
  const bool pins = root && mount_bpf_filesystem(&problem);
  checks.push_back({"BPF filesystem", pins ? "mounted" : "not available", pins ? "" : "the window does not survive the recorder",
                    pins ? "" : "mount -t bpf bpf /sys/fs/bpf", pins ? Grade::kOk : Grade::kLess});
  const std::string symbols = read_small_file("/proc/kallsyms", 4096).value_or("");
  const bool hidden = addresses_are_hidden(symbols);
  checks.push_back({"kernel symbols", hidden ? "hidden" : "readable", hidden ? "kernel frames have no names" : "",
                    hidden ? "grant CAP_SYSLOG (kernel.kptr_restrict)" : "", hidden ? Grade::kLess : Grade::kOk});
  checks.push_back({"perf_event_paranoid", first_line("/proc/sys/kernel/perf_event_paranoid"), "", "", Grade::kOk});
  const bool pressure = ::access("/proc/pressure/cpu", R_OK) == 0;
  checks.push_back({"pressure (PSI)", pressure ? "present" : "missing", pressure ? "" : "host.psi.* is unknown", pressure ? "" : "boot with psi=1",
                    pressure ? Grade::kOk : Grade::kLess});
  struct statvfs disk {};
  const std::string directory = Config{}.directory;
  const std::string place = ::statvfs(directory.c_str(), &disk) == 0 ? directory : ::statvfs("/", &disk) == 0 ? "/" : "";
  if (!place.empty())
    checks.push_back({"room for bundles", fmt::format("{} free at {}", bytes_text(static_cast<double>(disk.f_bavail) * static_cast<double>(disk.f_frsize)), place), "", "", Grade::kOk});
  const KnownRecorders known = known_recorders();
  checks.push_back({"recorders", fmt::format("{} running", known.alive.size()),
                    known.alive.size() > 1 ? "each adds its own hooks to every system call" : "", "", Grade::kOk});
  for (const std::string& name : dead_windows())
    checks.push_back({"dead recorder", name, "its window waits to be written; its hooks may still cost every system call", "fdr recover " + name, Grade::kLess});
  return checks;
}

const char* word(Grade verdict) { return verdict == Grade::kOk ? "ok" : verdict == Grade::kLess ? "less" : "cannot"; }

// Why a metric has no value here and now; empty where it has one.
std::string reason(const MetricInfo& info, const std::vector<std::string>& host_problems) {
  for (const std::string& problem : host_problems)  // "host.psi.cpu.some, host.psi.cpu.full: why"
    if ((", " + problem.substr(0, problem.find(": ")) + ",").find(", " + info.name + ",") != std::string::npos) return problem.substr(std::min(problem.size(), problem.find(": ") + 2));
  if (info.name.starts_with("host.slab.")) return "the kernel has no such cache, or merged it into another";
  if (info.name.starts_with("host.standstill")) return "while a recorder runs: fdr status";
  if (info.scope == "host") return "this kernel does not say";
  if (info.scope == "recorder") return "while a recorder runs: fdr status";
  return "needs a target: fdr status shows it while a recorder runs";
}

// The catalogue with what can be read without a target: the host, twice, since shares of time are means over a second.
nlohmann::json catalogue_rows() {
  const MetricCatalogue catalogue = build_catalogue(Config{});
  HostMetrics host(catalogue);
  SlabMetrics slab(catalogue);
  OomKills oom(catalogue);
  std::vector<double> row(catalogue.size(), std::numeric_limits<double>::quiet_NaN());
  for (const bool again : {false, true}) {
    if (again) std::this_thread::sleep_for(std::chrono::milliseconds(1000));
    const Timestamp now = MonotonicClock::now();
    host.read(now, row);
    slab.read(now, row);
    oom.read(now, row);
  }
  const std::vector<std::string> problems = host.problems();
  nlohmann::json rows = nlohmann::json::array();
  for (MetricId id = 0; id < catalogue.size(); ++id) {
    const MetricInfo& info = catalogue.info(id);
    const bool known = !std::isnan(row[id]);
    rows.push_back({{"name", info.name}, {"unit", unit_words(info.unit)}, {"kind", info.kind == MetricKind::kCounter ? "counter" : "gauge"}, {"scope", info.scope},
                    {"base", info.base}, {"source", info.source}, {"value", known ? nlohmann::json(row[id]) : nlohmann::json(nullptr)},
                    {"value_text", known ? value_text(row[id], info.unit) : "-"}, {"reason", known ? "" : reason(info, problems)}});
  }
  return rows;
}

std::string catalogue_text(const nlohmann::json& rows) {
  std::string text = "metric                              now          scope; base; source\n";
  for (const auto& row : rows) {
    const auto word = [&](const char* key) { return row[key].get<std::string>(); };
    const std::string why = word("reason");
    text += fmt::format("{:<35} {:<12} {}; {}{}; {}{}\n", word("name"), word("value_text"), word("scope"), word("kind") == "counter" ? "counter of " : "", word("base"), word("source"),
                        why.empty() ? "" : "; now: " + why);
  }
  return text + "Counters only grow: compare rate(COUNTER) or delta(COUNTER, 10s). process[NAME].METRIC is that of one target.\n"
                "Named in rules: syscall.NAME.rate|errors|latency|longest of any system call, beat.NAME.age, log.NAME, and [[metric]] by its name.\n";
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
  struct Options {
    bool json = false, metrics = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("doctor", R"(what works on this host, and the remedy for what does not

Examples:
  fdr doctor
  fdr doctor --metrics      every metric with scope, base, source and value, or why it has none)");
  command->add_flag("--json", options->json, "an array of checks");
  command->add_flag("--metrics", options->metrics, "the catalogue of metrics");
  command->callback([options, &exit_code] {
    if (options->metrics) {
      const nlohmann::json rows = catalogue_rows();
      return print(options->json ? rows.dump(2) + "\n" : catalogue_text(rows));
    }
    Grade worst = Grade::kOk;
    nlohmann::json all = nlohmann::json::array();
    std::string text;
    for (const Check& check : examine()) {
      worst = std::max(worst, check.verdict);
      all.push_back({{"check", check.name}, {"value", check.value}, {"verdict", word(check.verdict)}, {"effect", check.effect}, {"remedy", check.remedy}});
      text += fmt::format("{:<7} {:<20} {}\n", word(check.verdict), check.name, printable(check.value));
      if (!check.effect.empty()) text += fmt::format("{:<7} {:<20} effect: {}\n", "", "", check.effect);
      if (!check.remedy.empty()) text += fmt::format("{:<7} {:<20} remedy: {}\n", "", "", check.remedy);
    }
    print(options->json ? all.dump(2) + "\n" : text);
    exit_code = static_cast<int>(worst);
  });
}

}  // namespace fdr
