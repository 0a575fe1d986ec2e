// fdr doctor: what works on this host, what does not, and the exact remedy. Exit code 0 all there, 1 less than all,
// 2 nothing of what runs can be sampled (backend proc works everywhere), or wrong usage.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/metric_list.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/control/host_checks.hpp"

namespace fdr {

void add_doctor(CLI::App& app, int& exit_code) {
  struct Options {
    bool json = false, metrics = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("doctor", R"(what works on this host, and the remedy for what does not

Examples:
  fdr doctor
  fdr doctor --metrics      every metric with scope, base, source, what reading it costs here, and its value, or why it has none)");
  command->add_flag("--json", options->json, "an array of checks");
  command->add_flag("--metrics", options->metrics, "the catalogue of metrics");
  command->callback([options, &exit_code] {
    if (options->metrics) {
      const nlohmann::json rows = metric_rows();
      return print(options->json ? rows.dump(2) + "\n" : metric_list(rows));
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
    print(options->json ? checks_json(checks) : text);
    exit_code = static_cast<int>(worst);
  });
}

}  // namespace fdr
