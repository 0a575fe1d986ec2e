// fdr doctor: what works on this host, what does not, and the exact remedy. Exit code 0 all there, 1 less than all,
// 2 nothing of what runs can be sampled (backend proc works everywhere), or wrong usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/control/host_checks.hpp"
#include "recorder/metrics/catalogue.hpp"
#include "recorder/metrics/host.hpp"
#include "recorder/metrics/oom.hpp"
#include "recorder/metrics/slab.hpp"
#include "triggers/engine.hpp"

namespace fdr {
namespace {

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
                    {"value_text", known ? quantity_text(row[id], info.unit) : "-"}, {"reason", known ? "" : reason(info, problems)}});
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
    std::string text;
    const std::vector<HostCheck> checks = check_host(std::nullopt);
    for (const HostCheck& check : checks) {
      worst = std::max(worst, check.verdict);
      text += fmt::format("{:<7} {:<20} {}\n", grade_word(check.verdict), check.name, printable(check.value));
      if (!check.effect.empty()) text += fmt::format("{:<7} {:<20} effect: {}\n", "", "", check.effect);
      if (!check.remedy.empty()) text += fmt::format("{:<7} {:<20} remedy: {}\n", "", "", check.remedy);
    }
    print(options->json ? checks_json(checks).dump(2) + "\n" : text);
    exit_code = static_cast<int>(worst);
  });
}

}  // namespace fdr
