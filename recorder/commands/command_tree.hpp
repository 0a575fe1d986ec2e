// The commands and options of fdr as plain data, read off the CLI11 tree: what completion is made of.
#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace fdr {

struct CommandOption {
  std::vector<std::string> names;  // "--window", "-w": long ones first
  std::string help;                // one line
  bool takes_value = false;
  std::vector<std::string> choices;  // of the value; empty: anything, a path perhaps
};

struct CommandEntry {
  std::string name, help;
  std::vector<CommandOption> options;
  std::vector<std::string> positionals;  // "BUNDLE", "RECORDER", ...
  std::vector<std::string> choices;      // of a positional, where it says them
};

// In the order of `fdr --help`.
std::vector<CommandEntry> command_tree(const CLI::App& app);

}  // namespace fdr
