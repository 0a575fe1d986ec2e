// fdr now: the last minute, from the live window, without leaving a bundle behind: the first thing on-call types.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "recorder/bundles/retention.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/commands/reading.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/run_directory.hpp"

namespace fdr {

void add_now(CLI::App& app, int& exit_code) {
  struct Options : ReadingOptions {
    std::optional<std::string> recorder;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("now", R"(the last minute, from the live window

Examples:
  fdr now
  fdr now haproxy | less)");
  command->add_option("RECORDER", options->recorder, "its name (see fdr status)");
  command->add_flag("--json", options->json, "as fdr report --json");
  command->add_flag("--no-color", options->no_color, "no colours");
  command->callback([options, &exit_code] {
    const auto answer = nlohmann::json::parse(ask_recorder(choose_recorder(options->recorder), "now", ""));
    // Written under /run for this moment only.
    struct Removed {
      std::string path;
      ~Removed() { remove_bundle(path); }
    } bundle{answer.at("path").get<std::string>()};
    options->bundle = bundle.path;
    const OpenedBundle opened = open_with_names(*options);
    print(options->json ? report_json(opened.bundle, opened.names)
                        : report_text(opened.bundle, opened.names, opened.module_notes, terminal_style(options->no_color, 80)));
    exit_code = 0;
  });
}

}  // namespace fdr
