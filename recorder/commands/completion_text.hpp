// Scripts that complete fdr's command line in bash, zsh and fish, from its own tree of commands: nothing is written twice. Recorders are
// named after what is in the run directory at that moment; a value without a list of choices is completed as a path.
#pragma once

#include <string>
#include <vector>

#include "recorder/commands/command_tree.hpp"

namespace fdr {

std::string bash_completion(const std::vector<CommandEntry>& tree);
std::string zsh_completion(const std::vector<CommandEntry>& tree);
std::string fish_completion(const std::vector<CommandEntry>& tree);

}  // namespace fdr
