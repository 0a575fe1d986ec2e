#include "recorder/commands/completion_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "recorder/system/run_places.hpp"

namespace fdr {
namespace {

// For any of the three shells: in single quotes nothing is special but the quote.
std::string quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

// fish knows \' in single quotes, and \\.
std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

// Within a spec of zsh's _arguments brackets and colons have a meaning.
std::string zsh_words(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

bool has(const CommandEntry& entry, const char* positional) {
  return std::find(entry.positionals.begin(), entry.positionals.end(), positional) != entry.positionals.end();
}

std::string names_of(const CommandEntry& entry) {
  std::vector<std::string> names;
  for (const CommandOption& option : entry.options) names.insert(names.end(), option.names.begin(), option.names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

std::string commands_of(const std::vector<CommandEntry>& tree) {
  std::vector<std::string> names;
  for (const CommandEntry& entry : tree) names.push_back(entry.name);
  return fmt::format("{}", fmt::join(names, " "));
}

const std::string kRecorders = fmt::format("$(ls {} 2>/dev/null)", kRunRoot);

}  // namespace

std::string bash_completion(const std::vector<CommandEntry>& tree) {
  std::string text = "# bash completion of fdr, made by `fdr completion bash`\n_fdr() {\n  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options= values= choices= others=\n"
                     "  COMPREPLY=()\n  if [ \"$COMP_CWORD\" -eq 1 ]; then\n";
  text += fmt::format("    COMPREPLY=($(compgen -W {} -- \"$word\"))\n    return\n  fi\n  case $command in\n", quoted(commands_of(tree) + " --help --version"));
  for (const CommandEntry& entry : tree) {
    std::vector<std::string> values;
    text += fmt::format("    {})\n      options={}\n", entry.name, quoted(names_of(entry)));
    for (const CommandOption& option : entry.options) {
      if (!option.takes_value) continue;
      values.insert(values.end(), option.names.begin(), option.names.end());
      if (!option.choices.empty()) text += fmt::format("      case $before in {}) choices={} ;; esac\n", fmt::join(option.names, "|"), quoted(fmt::format("{}", fmt::join(option.choices, " "))));
    }
    text += fmt::format("      values={}\n", quoted(fmt::format(" {} ", fmt::join(values, " "))));
    if (has(entry, "RECORDER")) text += "      others=" + kRecorders + "\n";
    if (!entry.choices.empty()) text += fmt::format("      others={}\n", quoted(fmt::format("{}", fmt::join(entry.choices, " "))));
    text += "      ;;\n";
  }
  text += R"(  esac
  if [ -n "$choices" ]; then
    COMPREPLY=($(compgen -W "$choices" -- "$word"))
  elif [ "${values#* "$before" }" != "$values" ]; then
    COMPREPLY=($(compgen -f -- "$word"))
  elif [ "${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$others" -- "$word") $(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _fdr fdr
)";
  return text;
}

std::string zsh_completion(const std::vector<CommandEntry>& tree) {
  std::string text = "#compdef fdr\n# zsh completion of fdr, made by `fdr completion zsh`\n_fdr() {\n  local -a commands\n  commands=(\n";
  for (const CommandEntry& entry : tree) text += fmt::format("    {}\n", quoted(entry.name + ":" + entry.help));
  text += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    return\n  fi\n  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const CommandEntry& entry : tree) {
    text += fmt::format("    {})\n      _arguments -s", entry.name);
    for (const CommandOption& option : entry.options) {
      const std::string value = !option.takes_value ? "" : option.choices.empty() ? ":value:_files" : fmt::format(":value:({})", fmt::join(option.choices, " "));
      for (const std::string& name : option.names) text += " \\\n        " + quoted("*" + name + "[" + zsh_words(option.help) + "]" + value);
    }
    const std::string others = has(entry, "RECORDER") ? "*:recorder:(" + kRecorders + ")" : entry.choices.empty() ? "*:file:_files" : "";
    if (entry.choices.empty()) {
      // In double quotes, so that the list of recorders is that of the moment.
      text += has(entry, "RECORDER") ? " \\\n        \"" + others + "\"" : " \\\n        " + quoted(others);
    } else {
      text += " \\\n        '1:file:_files' \\\n        " + quoted(fmt::format("*:part:({})", fmt::join(entry.choices, " ")));
    }
    text += "\n      ;;\n";
  }
  return text + "  esac\n}\nif [ \"$funcstack[1]\" = _fdr ]; then\n  _fdr \"$@\"\nelse\n  compdef _fdr fdr\nfi\n";
}

std::string fish_completion(const std::vector<CommandEntry>& tree) {
  std::string text = "# fish completion of fdr, made by `fdr completion fish`\n";
  const std::string none = fmt::format("not __fish_seen_subcommand_from {}", commands_of(tree));
  for (const CommandEntry& entry : tree) text += fmt::format("complete -c fdr -f -n {} -a {} -d {}\n", fish_quoted(none), entry.name, fish_quoted(entry.help));
  for (const CommandEntry& entry : tree) {
    const std::string seen = fish_quoted("__fish_seen_subcommand_from " + entry.name);
    for (const CommandOption& option : entry.options) {
      text += "complete -c fdr -n " + seen;
      for (const std::string& name : option.names) text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (option.takes_value) text += option.choices.empty() ? " -r" : fmt::format(" -x -a {}", fish_quoted(fmt::format("{}", fmt::join(option.choices, " "))));
      text += " -d " + fish_quoted(option.help) + "\n";
    }
    if (!entry.choices.empty()) text += fmt::format("complete -c fdr -n {} -a {}\n", seen, fish_quoted(fmt::format("{}", fmt::join(entry.choices, " "))));
    if (has(entry, "RECORDER")) text += fmt::format("complete -c fdr -f -n {} -a '(ls {} 2>/dev/null)'\n", seen, kRunRoot);
  }
  return text;
}

}  // namespace fdr
