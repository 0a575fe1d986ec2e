// fdr drill [RECORDER] RULE: fires a rule of a running recorder now, all the way to a bundle, marked as a drill.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "recorder/commands/commands.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/run_directory.hpp"

namespace fdr {

void add_drill(CLI::App& app, int& exit_code) {
  auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("drill", R"(fire a rule now, as an exercise: does a bundle come, and who is told?

Examples:
  fdr drill system-cpu                      of the only recorder running
  fdr drill haproxy system-cpu
Bundle, report and ledger say that it was a drill; the rule's cooldown is not touched.)");
  command->add_option("[RECORDER] RULE", *words, "recorder (see fdr status) and rule")->required()->expected(1, 2);
  command->callback([words, &exit_code] {
    const std::optional<std::string> recorder = words->size() == 2 ? std::optional(words->front()) : std::nullopt;
    const auto answer = nlohmann::json::parse(ask_recorder(choose_recorder(recorder), "drill", words->back()));
    std::printf("%s\n", answer.at("path").get<std::string>().c_str());
    exit_code = 0;
  });
}

}  // namespace fdr
