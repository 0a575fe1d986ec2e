// fdr dump: a bundle now, from a running recorder. Its path goes to stdout when it is complete.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "recorder/commands/commands.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/run_directory.hpp"

namespace fdr {

void add_dump(CLI::App& app, int& exit_code) {
  struct Options {
    std::optional<std::string> recorder;
    std::string reason;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("dump", R"(write a bundle now

Examples:
  fdr dump                                  the only recorder running
  fdr dump haproxy --reason 'users complain')");
  command->add_option("RECORDER", options->recorder, "its name (see fdr status)");
  command->add_option("--reason", options->reason, "goes into the bundle");
  command->callback([options, &exit_code] {
    const auto answer = nlohmann::json::parse(ask_recorder(choose_recorder(options->recorder), "dump", options->reason));
    std::printf("%s\n", answer.at("path").get<std::string>().c_str());
    exit_code = 0;
  });
}

}  // namespace fdr
