// fdr completion SHELL: the script that completes fdr's command line.
#include <CLI/CLI.hpp>
#include <memory>

#include "recorder/commands/commands.hpp"
#include "recorder/commands/completion_text.hpp"
#include "recorder/commands/reading.hpp"

namespace fdr {

void add_completion(CLI::App& app, int& exit_code) {
  auto shell = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completion", R"(print a script that completes this command line

Examples:
  fdr completion bash > /usr/share/bash-completion/completions/fdr
  fdr completion zsh > /usr/share/zsh/vendor-completions/_fdr
  fdr completion fish > /usr/share/fish/vendor_completions.d/fdr.fish)");
  command->add_option("SHELL", *shell, "one of: bash, zsh, fish")->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &app, &exit_code] {
    const auto tree = command_tree(app);
    print(*shell == "bash" ? bash_completion(tree) : *shell == "zsh" ? zsh_completion(tree) : fish_completion(tree));
    exit_code = 0;
  });
}

}  // namespace fdr
