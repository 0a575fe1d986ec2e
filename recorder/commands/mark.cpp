// fdr mark TEXT: an operator's note on the timeline of every recorder that runs.
#include <CLI/CLI.hpp>
#include <memory>

#include "recorder/commands/commands.hpp"
#include "recorder/control.hpp"
#include "recorder/run_directory.hpp"

namespace fdr {

void add_mark(CLI::App& app, int& exit_code) {
  auto text = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("mark", R"(put a note on the timeline of every recorder

Examples:
  fdr mark 'deploy v2')");
  command->add_option("TEXT", *text, "the note")->required();
  command->callback([text, &exit_code] {
    const KnownRecorders known = known_recorders();
    if (known.alive.empty()) choose_recorder(std::nullopt);  // says that there is none, and what to do
    for (const std::string& recorder : known.alive) ask_recorder(recorder, "mark", *text);
    exit_code = 0;
  });
}

}  // namespace fdr
