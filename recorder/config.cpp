#include "recorder/config.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <memory>
#include <set>

#include "formats/text.hpp"
#include "recorder/metrics/catalogue.hpp"

// toml++ 3.3 asserts that a table header holds a key, and with NDEBUG assumes it: "[[[" in a file aborts, or is
// undefined behaviour. Its assertions are kept in every build, and throw.
namespace fdr {
struct TomlAssertion {};
[[noreturn]] inline void toml_assertion_failed() { throw TomlAssertion{}; }
}  // namespace fdr
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) ((expression) ? static_cast<void>(0) : ::fdr::toml_assertion_failed())
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMaxFileSize = 1 << 20;
constexpr std::size_t kMaxListed = 256;      // targets, triggers or heartbeats in a file

constexpr std::array kDetails = {std::pair{"all", SyscallDetail::kAll}, std::pair{"summary", SyscallDetail::kSummary},
                                 std::pair{"off", SyscallDetail::kOff}};
constexpr std::array kExits = {std::pair{"never", OnExit::kNever}, std::pair{"failure", OnExit::kFailure},
                               std::pair{"always", OnExit::kAlways}};

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

const char* type_words(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
    case toml::node_type::floating_point:
      return "a number without a unit";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

// Where in the file things are, for messages.
class Source {
 public:
  Source(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  std::string place(const toml::source_region& region) const {
    return fmt::format("{}:{}:{}", name_, region.begin.line, region.begin.column);
  }
  [[noreturn]] void refuse(const toml::source_region& region, const std::string& what,
                           const std::string& hint = {}) const {
    throw Error(place(region) + ": " + what, hint);
  }

  // The place of a string's first character, behind its quotes: columns inside a condition are counted on from there
  // (exact as long as the string has no escapes and no line breaks).
  std::string place_inside(const toml::source_region& region) const {
    const std::string_view line = line_at(region.begin.line);
    const std::size_t column = region.begin.column;
    const std::string_view value = column <= line.size() ? line.substr(column - 1) : std::string_view{};
    const bool triple = value.starts_with("\"\"\"") || value.starts_with("'''");
    if (triple && value.size() == 3) return fmt::format("{}:{}:1", name_, region.begin.line + 1);
    return fmt::format("{}:{}:{}", name_, region.begin.line, column + (triple ? 3 : 1));
  }

 private:
  std::string_view line_at(std::size_t number) const {
    std::string_view rest = text_;
    for (; number > 1; --number) {
      const std::size_t end = rest.find('\n');
      if (end == std::string_view::npos) return {};
      rest.remove_prefix(end + 1);
    }
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }

  std::string_view text_;
  const std::string& name_;
};

// One table, read key by key. done() refuses what nobody asked for.
class Section {
 public:
  Section(const Source& source, const toml::table& table, std::string name)
      : source_(source), table_(table), name_(std::move(name)) {}

  const toml::node* get(const char* key) {
    known_.insert(key);
    return table_.get(key);
  }
  // Keys of the design that this version does not do: said, instead of ignored.
  void later(std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      known_.insert(key);
      if (const toml::node* node = table_.get(key)) {
        source_.refuse(key_region(key, *node), quoted(key) + " is not in this version", "leave it out");
      }
    }
  }

  void string(const char* key, std::string& value) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_string()) wrong_type(key, *node, "a string", "write " + std::string(key) + " = \"...\"");
    value = node->as_string()->get();
    if (value.find('\0') != std::string::npos) source_.refuse(node->source(), quoted(key) + " holds a NUL byte");
  }

  void name(const char* key, std::string& value) {
    string(key, value);
    if (const toml::node* node = get(key); node && !valid_name(value)) {
      source_.refuse(node->source(), quoted(value) + " is not a name", "names are 1 to 32 of A-Z a-z 0-9 . _ -");
    }
  }

  void duration(const char* key, Duration& value, Duration least, Duration most, const char* example) {
    quantity(key, value, least, most, "a duration", example, parse_duration, duration_literal);
  }
  template <class Integer>
  void size(const char* key, Integer& value, std::uint64_t least, const char* example) {
    std::uint64_t bytes = 0;
    if (!get(key)) return;
    quantity(key, bytes, least, std::uint64_t{1} << 50, "a size", example, parse_size, size_literal);
    value = bytes;
  }
  void percent(const char* key, double& value, double least, double most, const char* example) {
    const auto literal = [](double percent) { return fmt::format("{}%", percent); };
    quantity(key, value, least, most, "a percentage", example, parse_percent, literal);
  }

  template <class Integer>
  void integer(const char* key, Integer& value, std::int64_t least, std::int64_t most) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_integer()) wrong_type(key, *node, "a whole number", fmt::format("write {} = {}", key, value));
    const std::int64_t number = node->as_integer()->get();
    if (number < least || number > most) {
      source_.refuse(node->source(), fmt::format("'{}' must be between {} and {}", key, least, most));
    }
    value = static_cast<Integer>(number);
  }

  template <class Enum, std::size_t N>
  // True where the file says it.
  bool one_of(const char* key, Enum& value, const std::array<std::pair<const char*, Enum>, N>& choices) {
    const toml::node* node = get(key);
    if (!node) return false;
    std::string text, list;
    string(key, text);
    for (const auto& [name, choice] : choices) {
      list += (list.empty() ? "" : ", ") + std::string(name);
      if (text != name) continue;
      value = choice;
      return true;
    }
    source_.refuse(node->source(), fmt::format("'{}' cannot be {}", key, quoted(text)), "one of: " + list);
    return false;
  }

  // A table of its own, handed to `read`.
  template <class Read>
  void table(const char* key, Read read) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_table()) wrong_type(key, *node, "a table", fmt::format("write [{}]", key));
    Section section(source_, *node->as_table(), inner(key));
    read(section);
    section.done();
  }
  // [[key]], each handed to `read`.
  template <class Read>
  void tables(const char* key, Read read) {
    const toml::node* node = get(key);
    if (!node) return;
    if (!node->is_array_of_tables()) wrong_type(key, *node, "a list of tables", fmt::format("write [[{}]]", key));
    const toml::array& list = *node->as_array();
    if (list.size() > kMaxListed) source_.refuse(node->source(), fmt::format("more than {} [[{}]]", kMaxListed, key));
    for (const toml::node& element : list) {
      Section section(source_, *element.as_table(), inner(key));
      read(section);
      section.done();
    }
  }

  // Checked by done(), after the keys that are unknown: a misspelt key is one that is missing, too.
  void required(const char* key) { required_.push_back(key); }

  void done() const {
    for (const auto& [key, node] : table_) {
      if (known_.contains(key.str())) continue;
      const std::string near = nearest_names(key.str(), known_);
      std::string all;
      for (const std::string& known : known_) all += (all.empty() ? "" : ", ") + known;
      source_.refuse(key.source(), "unknown key " + quoted(key.str()) + (name_.empty() ? "" : " in " + name_),
                     near.empty() ? "keys here: " + all : "did you mean " + near);
    }
    for (const char* key : required_) {
      if (!table_.contains(key)) source_.refuse(table_.source(), fmt::format("[[{}]] needs '{}'", name_, key));
    }
  }

  const Source& source() const { return source_; }
  const toml::source_region& region() const { return table_.source(); }
  const toml::source_region& region_of(const char* key) { return get(key) ? get(key)->source() : region(); }
  [[noreturn]] void refuse(const char* key, const std::string& what, const std::string& hint = {}) {
    source_.refuse(region_of(key), what, hint);
  }

 private:
  std::string inner(const char* key) const { return name_.empty() ? key : name_ + "." + key; }

  toml::source_region key_region(std::string_view key, const toml::node& node) const {
    for (const auto& [candidate, value] : table_) {
      if (candidate.str() == key) return candidate.source();
    }
    return node.source();
  }

  [[noreturn]] void wrong_type(const char* key, const toml::node& node, const char* wanted,
                               const std::string& hint) const {
    source_.refuse(node.source(), fmt::format("'{}' must be {}, not {}", key, wanted, type_words(node)), hint);
  }

  template <class Value, class Parse, class Literal>
  void quantity(const char* key, Value& value, Value least, Value most, const char* kind, const char* example,
                Parse parse, Literal literal) {
    const toml::node* node = get(key);
    if (!node) return;
    const std::string hint = fmt::format("write {} = \"{}\"", key, example);
    if (!node->is_string()) wrong_type(key, *node, fmt::format("{} with a unit", kind).c_str(), hint);
    const std::string text = node->as_string()->get();
    const auto parsed = parse(text);
    if (!parsed)
      source_.refuse(node->source(), fmt::format("'{}' is not {} with a unit: {}", key, kind, quoted(text)), hint);
    if (*parsed < least || *parsed > most) {
      source_.refuse(node->source(), fmt::format("'{}' must be between {} and {}", key, literal(least), literal(most)));
    }
    value = *parsed;
  }

  const Source& source_;
  const toml::table& table_;
  std::string name_;
  std::set<std::string, std::less<>> known_;
  std::vector<const char*> required_;
};

std::string default_target_name(const TargetConfig& target) {
  if (!target.comm.empty()) return target.comm;
  return target.exe.substr(target.exe.rfind('/') + 1);
}

std::vector<std::int32_t> read_pids(Section& match) {
  const toml::node* node = match.get("pid");
  std::vector<std::int32_t> pids;
  if (!node) return pids;
  const auto add = [&](const toml::node& element) {
    const toml::value<std::int64_t>* number = element.as_integer();
    if (!number || number->get() < 1 || number->get() > INT32_MAX) {
      match.source().refuse(element.source(), "'pid' must be a process id", "write pid = 123, or a list of them");
    }
    pids.push_back(static_cast<std::int32_t>(number->get()));
  };
  if (!node->is_array()) {
    add(*node);
  } else {
    for (const toml::node& element : *node->as_array()) add(element);
  }
  return pids;
}

TargetConfig read_target(Section& section) {
  TargetConfig target;
  section.table("match", [&](Section& match) {
    match.later({"unit", "cgroup"});
    target.pids = read_pids(match);
    match.string("comm", target.comm);
    match.string("exe", target.exe);
    if (target.comm.size() > 15) {
      match.refuse("comm", "the kernel keeps 15 bytes of a comm",
                   fmt::format("write comm = \"{}\"", printable(target.comm.substr(0, 15))));
    }
    if (!target.exe.empty() && !target.exe.starts_with('/')) match.refuse("exe", "'exe' must be an absolute path");
  });
  if (section.get("match") && target.pids.empty() && target.comm.empty() && target.exe.empty()) {
    section.refuse("match", "'match' says nothing", "match = { comm = \"...\" }, or pid, or exe");
  }
  target.name = default_target_name(target);
  section.name("name", target.name);
  if (!valid_name(target.name))
    section.refuse("match", "this target needs a 'name'", "names are 1 to 32 of A-Z a-z 0-9 . _ -");
  return target;
}

RuleConfig read_rule(Section& section) {
  RuleConfig rule;
  section.required("name");
  section.name("name", rule.name);
  section.required("when");
  section.string("when", rule.when);
  rule.where = section.source().place_inside(section.region_of("when"));
  section.duration("for", rule.hold, 0s, 24h, "1s");
  rule.hold_where = section.source().place_inside(section.region_of("for"));
  section.duration("cooldown", rule.cooldown, 0s, 24h * 366, "5m");
  section.later({"clear", "max_per_day", "armed_when", "after"});
  return rule;
}

HeartbeatConfig read_heartbeat(Section& section) {
  HeartbeatConfig beat;
  section.required("name");
  section.name("name", beat.name);
  std::string from = "beat";
  section.string("from", from);
  static constexpr std::array<std::string_view, 7> planned = {"send", "notify", "udp",    "mtime",
                                                              "tcp",  "http",   "command"};
  if (std::find(planned.begin(), planned.end(), from) != planned.end()) {
    section.refuse("from", "heartbeats from " + quoted(from) + " are not in this version",
                   "from = \"beat\": the program or a script calls `fdr beat " + beat.name + "`");
  }
  if (from != "beat") section.refuse("from", "unknown source of heartbeats " + quoted(from), "from = \"beat\"");
  section.later({"comm", "port", "by", "path", "url", "command", "mode", "group"});
  section.required("every");
  section.duration("every", beat.every, 1ms, 24h, "400ms");
  section.integer("misses", beat.misses, 1, 1000);
  beat.where = section.source().place(section.region());
  return beat;
}

void read_top(Section& top, Config& config) {
  top.later({"collect", "metric", "log", "notify", "host_tier", "max_cpu"});
  top.name("name", config.name);
  OnExit on_exit{};
  if (top.one_of("on_exit", on_exit, kExits)) config.on_exit = on_exit;
  top.table("window", [&](Section& window) {
    window.duration("span", config.span, 1s, 1h, "60s");
    window.duration("after", config.after, 0s, 10min, "5s");
    window.size("memory", config.memory, 4 << 20, "64MB");
  });
  top.table("sample", [&](Section& sample) {
    sample.integer("frequency", config.frequency, 1, 1000);
    sample.duration("off_cpu", config.off_cpu, 1us, 1min, "1ms");
  });
  top.table("syscalls", [&](Section& syscalls) {
    syscalls.one_of("detail", config.detail, kDetails);
    syscalls.duration("slow", config.slow, 1us, 1h, "10ms");
  });
  top.table("metrics", [&](Section& metrics) { metrics.duration("every", config.every, 10ms, 10s, "100ms"); });
  top.table("bundle", [&](Section& bundle) {
    bundle.string("directory", config.directory);
    if (!config.directory.starts_with('/')) bundle.refuse("directory", "'directory' must be an absolute path");
    bundle.integer("keep", config.keep, 1, 100'000);
    bundle.size("max_bytes", config.max_bytes, 1 << 20, "2GB");
    bundle.percent("keep_free", config.keep_free_percent, 0, 95, "5%");
  });
  top.tables("target", [&](Section& section) { config.targets.push_back(read_target(section)); });
  top.tables("trigger", [&](Section& section) { config.rules.push_back(read_rule(section)); });
  top.tables("heartbeat", [&](Section& section) { config.heartbeats.push_back(read_heartbeat(section)); });
}

}  // namespace

std::uint64_t Config::memory_bytes(int cpus) const {
  constexpr std::uint64_t kLeast = 64ull << 20, kPerCpu = 8ull << 20;
  return memory.value_or(std::max(kLeast, kPerCpu * static_cast<std::uint64_t>(std::max(cpus, 1))));
}

bool valid_name(std::string_view name) {
  if (name.empty() || name.size() > 32) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  });
}

Config parse_config(std::string_view text, const std::string& source_name) {
  const Source source(text, source_name);
  toml::table table;
  try {
    table = toml::parse(text, source_name);
  } catch (const toml::parse_error& error) {
    source.refuse(error.source(), printable(error.description()));
  } catch (const TomlAssertion&) {
    throw Error(source_name + ": a table header is malformed", "write [window] or [[trigger]], alone on its line");
  }
  Config config;
  Section top(source, table, "");
  read_top(top, config);
  top.done();
  check_config(with_implied_targets(config));
  return config;
}

Config load_config(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  struct stat status {};
  if (!file) throw system_error("open " + path, errno);
  if (::fstat(fileno(file.get()), &status) == 0 && S_ISDIR(status.st_mode)) throw Error(path + " is a directory");
  std::string text(kMaxFileSize + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get())) throw system_error("read " + path, errno);
  if (text.size() > kMaxFileSize) throw Error(path + " is larger than 1 MB", "is it a configuration?");
  return parse_config(text, path);
}

RuleConfig rule_from_flag(const std::string& text, std::size_t ordinal) {
  RuleConfig rule;
  rule.name = "when-" + std::to_string(ordinal);
  rule.where = "--when";
  rule.when = text;
  // The last word but one, if it is "for": no metric and no number is called so.
  const std::string_view spaces = " \t\n\r";
  const std::size_t end = text.find_last_not_of(spaces);
  const std::size_t before = end == std::string::npos ? end : text.find_last_of(spaces, end);
  const std::size_t word_end = before == std::string::npos ? before : text.find_last_not_of(spaces, before);
  if (word_end == std::string::npos || word_end < 3) return rule;
  if (text.compare(word_end - 2, 3, "for") != 0 || spaces.find(text[word_end - 3]) == std::string_view::npos)
    return rule;
  const std::string duration = text.substr(before + 1, end - before);
  const auto hold = parse_duration(duration);
  if (!hold) {
    throw Error(fmt::format("--when: column {}: {} is not a duration", before + 2, quoted(duration)),
                "for example: for 3s");
  }
  rule.hold = *hold;
  rule.when = text.substr(0, text.find_last_not_of(spaces, word_end - 3) + 1);
  return rule;
}

std::vector<RuleConfig> all_rules(const Config& config) {
  std::vector<RuleConfig> rules = config.rules;
  for (const HeartbeatConfig& beat : config.heartbeats) rules.push_back(heartbeat_rule(beat));
  return rules;
}

Config with_implied_targets(Config config) {
  if (!config.targets.empty()) return config;
  std::set<std::string> names;
  for (const RuleConfig& rule : config.rules) {
    static constexpr std::string_view open = "process[";
    for (std::size_t at = rule.when.find(open); at != std::string::npos; at = rule.when.find(open, at + 1)) {
      const std::size_t begin = at + open.size(), end = rule.when.find(']', begin);
      if (end == std::string::npos) break;
      const std::string name = rule.when.substr(begin, end - begin);
      if (valid_name(name)) names.insert(name);
    }
  }
  for (const std::string& name : names) config.targets.push_back({name, {}, {}, {}});
  return config;
}

}  // namespace fdr
