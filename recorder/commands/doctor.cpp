// fdr doctor: what works on this host, what does not, and the exact remedy. Exit code 0 all there, 1 less than all, 2 nothing can be recorded.
#include <fmt/format.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/host.hpp"
#include "recorder/run_directory.hpp"
#include "recorder/small_file.hpp"
#include "recorder/sources/bpf_source.hpp"
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

std::vector<Check> examine() {
  std::vector<Check> checks;
  const BpfSupport bpf = probe_bpf();
  const bool root = ::geteuid() == 0;
  checks.push_back({"user", root ? "root" : fmt::format("uid {}", ::geteuid()), root ? "" : "recording needs privileges",
                    root ? "" : "run as root, or with CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_SYSLOG", root ? Grade::kOk : Grade::kLess});
  checks.push_back({"kernel BTF", bpf.btf ? "present" : "missing", bpf.btf ? "" : "the bpf backend cannot start",
                    bpf.btf ? "" : "use a kernel built with CONFIG_DEBUG_INFO_BTF", bpf.btf ? Grade::kOk : Grade::kNone});
  checks.push_back({"BPF programs", bpf.load ? "can be loaded" : "refused", bpf.load ? "" : "nothing can be recorded; reading bundles works",
                    bpf.load ? "" : "grant CAP_BPF and CAP_PERFMON", bpf.load ? Grade::kOk : Grade::kNone});
  checks.push_back({"clock samples", bpf.perf ? "cpu-clock works" : "refused", bpf.perf ? "" : "no stacks", bpf.perf ? "" : "grant CAP_PERFMON",
                    bpf.perf ? Grade::kOk : Grade::kNone});
  checks.push_back({"user registers", bpf.task_pt_regs ? "helper present" : "helper missing (before 5.15)",
                    bpf.task_pt_regs ? "" : "the programs do not load on this kernel", "", bpf.task_pt_regs ? Grade::kOk : Grade::kNone});
  std::string problem;
  const bool pins = root && mount_bpf_filesystem(&problem);
  checks.push_back({"BPF filesystem", pins ? "mounted" : "not available", pins ? "" : "the window does not survive the recorder",
                    pins ? "" : "mount -t bpf bpf /sys/fs/bpf", pins ? Grade::kOk : Grade::kLess});
  const std::string symbols = read_small_file("/proc/kallsyms", 4096).value_or("");
  const bool hidden = symbols.starts_with("0000000000000000");
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
  return checks;
}

const char* word(Grade verdict) { return verdict == Grade::kOk ? "ok" : verdict == Grade::kLess ? "less" : "cannot"; }

std::string catalogue_text() {
  const MetricCatalogue catalogue = build_catalogue(Config{});
  HostMetrics host(catalogue);
  std::vector<double> row(catalogue.size(), std::numeric_limits<double>::quiet_NaN());
  host.read(MonotonicClock::now(), row);
  std::string text = "metric                              now          base; source\n";
  for (MetricId id = 0; id < catalogue.size(); ++id) {
    const MetricInfo& info = catalogue.info(id);
    const std::string now = std::isnan(row[id]) ? "-" : value_text(row[id], info.unit);
    text += fmt::format("{:<35} {:<12} {}{}; {}\n", info.name, now, info.kind == MetricKind::kCounter ? "counter of " : "", info.base, info.source);
  }
  return text + "'-': known only while a recorder runs, over a second, or not here\n";
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
  fdr doctor --metrics      every metric with its unit, base and source)");
  command->add_flag("--json", options->json, "an array of checks");
  command->add_flag("--metrics", options->metrics, "the catalogue of metrics");
  command->callback([options, &exit_code] {
    if (options->metrics) return print(catalogue_text());
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
