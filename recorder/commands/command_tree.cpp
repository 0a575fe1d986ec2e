#include "recorder/commands/command_tree.hpp"

#include <CLI/CLI.hpp>

namespace fdr {
namespace {

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> list;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::size_t begin = text.find_first_not_of(' ', at);
    if (begin < end) list.push_back(text.substr(begin, end - begin));
    at = end + 1;
  }
  return list;
}

// CLI11 says what IsMember allows in the name of the type: "TEXT:{a,b}".
std::vector<std::string> choices_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::size_t open = type.find('{'), close = type.rfind('}');
  return open == std::string::npos || close == std::string::npos || close < open ? std::vector<std::string>{} : words(type.substr(open + 1, close - open - 1));
}

// "one of: a, b, c; or ..." in the words of a positional.
std::vector<std::string> listed_in(const std::string& help) {
  static const std::string opening = "one of: ";
  if (!help.starts_with(opening)) return {};
  return words(help.substr(opening.size(), help.find(';') - opening.size()));
}

CommandEntry entry_of(const CLI::App& command) {
  CommandEntry entry{.name = command.get_name(), .help = first_line(command.get_description()), .options = {}, .positionals = {}, .choices = {}};
  for (const CLI::Option* option : command.get_options()) {
    if (!option->nonpositional()) {
      entry.positionals.push_back(option->get_name(true, false));
      if (auto listed = listed_in(option->get_description()); !listed.empty()) entry.choices = std::move(listed);
      continue;
    }
    CommandOption one{.names = {}, .help = first_line(option->get_description()), .takes_value = option->get_items_expected_max() > 0, .choices = choices_of(*option)};
    for (const std::string& name : option->get_lnames()) one.names.push_back("--" + name);
    for (const std::string& name : option->get_snames()) one.names.push_back("-" + name);
    entry.options.push_back(std::move(one));
  }
  return entry;
}

}  // namespace

std::vector<CommandEntry> command_tree(const CLI::App& app) {
  std::vector<CommandEntry> entries;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) entries.push_back(entry_of(*command));
  return entries;
}

}  // namespace fdr
