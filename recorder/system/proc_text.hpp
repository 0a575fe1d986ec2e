// Walking the text of /proc: lines, words, numbers. Views into the caller's text; nothing allocates, nothing throws.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fdr {

// Cuts the first line (without its newline) off `rest`.
inline std::string_view take_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return line;
}

// Cuts the next word (between spaces or tabs) off `rest`; empty at the end.
inline std::string_view take_word(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(" \t");
  rest.remove_prefix(begin == std::string_view::npos ? rest.size() : begin);
  const std::size_t end = rest.find_first_of(" \t");
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end);
  return word;
}

// The whole word, or nothing.
template <class Number>
std::optional<Number> parse_number(std::string_view word) {
  Number number{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return number;
}

inline std::optional<double> parse_count(std::string_view word) {
  if (const auto number = parse_number<std::uint64_t>(word)) return static_cast<double>(*number);
  if (const auto number = parse_number<std::int64_t>(word)) return static_cast<double>(*number);  // "MaxConn -1"
  return std::nullopt;
}

// A line of /proc/PID/cgroup, "7:cpu,cpuacct:/a/b" or "0::/a/b" (cgroups(7)): its controllers and the group's path. Nothing where it is
// none.
struct CgroupLine {
  std::string_view controllers, path;
};
inline std::optional<CgroupLine> cgroup_line(std::string_view line) {
  const std::size_t first = line.find(':'), second = first == std::string_view::npos ? first : line.find(':', first + 1);
  if (second == std::string_view::npos || !line.substr(second + 1).starts_with('/')) return std::nullopt;
  return CgroupLine{line.substr(first + 1, second - first - 1), line.substr(second + 1)};
}

// "Name:  123 kB" and "name 123": visit(name, value), kB in bytes. Lines of another form are skipped.
template <class Visit>
void for_each_field(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    std::string_view line = take_line(text);
    std::string_view name = take_word(line);
    if (name.ends_with(':')) name.remove_suffix(1);
    const auto value = parse_count(take_word(line));
    if (name.empty() || !value) continue;
    visit(name, take_word(line) == "kB" ? *value * 1024 : *value);
  }
}

// /proc/net/{snmp,netstat}: a line of names and a line of values for each protocol: visit("Udp", "RcvbufErrors",
// value).
template <class Visit>
void for_each_net_counter(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    std::string_view names = take_line(text), values = take_line(text);
    std::string_view protocol = take_word(names);
    if (protocol != take_word(values) || !protocol.ends_with(':')) continue;
    protocol.remove_suffix(1);
    while (true) {
      const std::string_view name = take_word(names);
      const std::string_view word = take_word(values);
      if (name.empty() || word.empty()) break;
      if (const auto value = parse_count(word)) visit(protocol, name, *value);
    }
  }
}

}  // namespace fdr
