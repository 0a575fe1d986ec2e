// fdr mark TEXT: an operator's note on the timeline of every recorder that runs, and a baseline of what was before it.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/text.hpp"
#include "recorder/commands/commands.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/run_directory.hpp"

namespace fdr {
namespace {

void mark(const std::string& recorder, const std::string& text) {
  const nlohmann::json answer = parse_json(ask_recorder(recorder, "mark", text), "the recorder's answer");
  if (answer.contains("baseline") && answer["baseline"].is_string())
    std::fprintf(stderr, "fdr: %s: marked; %s\n", recorder.c_str(), printable(answer["baseline"].get<std::string>()).c_str());
}

}  // namespace

void add_mark(CLI::App& app, int& exit_code) {
  auto text = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("mark", R"(put a note on the timeline of every recorder, and keep what was before it as a baseline

Examples:
  fdr mark 'deploy v2')");
  command->add_option("TEXT", *text, "the note")->required();
  command->callback([text, &exit_code] {
    const KnownRecorders known = known_recorders();
    if (known.alive.empty()) choose_recorder(std::nullopt);  // says that there is none, and what to do
    exit_code = 1;  // unless one of them has it
    for (const std::string& recorder : known.alive) {
      try {
        mark(recorder, *text);
        exit_code = 0;
      } catch (const Error& error) {  // it is starting, or ending
        std::fprintf(stderr, "fdr: %s: not marked: %s\n", recorder.c_str(), printable(error.what()).c_str());
      }
    }
  });
}

}  // namespace fdr
