#include "formats/pack/redact_words.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool is_number(std::string_view word) {
  return !word.empty() && is_digit(word.front()) && std::all_of(word.begin(), word.end(), [](char c) { return is_digit(c) || c == '.'; });
}

template <class List>
bool holds(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

constexpr std::array<std::string_view, 12> kOperators = {"and", "or", "not", "for", "delta", "rate", "avg", "min", "max", "held", "is", "changed"};
constexpr std::array<std::string_view, 63> kRuleWords = {
    "when",    "manual",  "exit",   "operator", "drill",   "recorder", "died",    "cpu",    "system",  "user",    "iowait",   "steal",  "throttled", "spin",  "stall",
    "rss",     "memory",  "mem",    "free",     "jump",    "leak",     "growth",  "swap",   "slab",    "dentry",  "oom",      "disk",   "io",        "full",  "slow",
    "sockets", "socket",  "udp",    "tcp",      "drops",   "queue",    "network", "net",    "open",    "files",   "fds",      "threads", "processes", "forks", "errors",
    "failed",  "syscalls", "calls", "rate",     "high",    "low",      "crash",   "signal", "crashed", "pressure", "psi",     "heartbeat", "beat",    "health", "probe",
    "now",     "mark",    "host"};
constexpr std::array<std::string_view, 13> kParts = {"doctor.json", "system", "process", "collect", "logs", "baselines", "history", "ledger.ndjson", "summary.txt",
                                                     "trace.pftrace", "modules.json", "manifest.json", "stalls"};

constexpr std::array<std::string_view, 8> kNumbers = {"recv_q", "send_q", "drops", "rcvbuf", "sndbuf", "rx_bytes", "tx_bytes", "inode"};
constexpr std::array<std::string_view, 12> kStates = {"established", "syn_sent", "syn_recv", "fin_wait1", "fin_wait2", "time_wait",
                                                      "close", "close_wait", "last_ack", "listen", "closing", "unconnected"};

}  // namespace

bool is_quantity(std::string_view word) {
  constexpr std::array<std::string_view, 12> kUnits = {"", "%", "KB", "MB", "GB", "TB", "B", "ns", "us", "ms", "s", "m"};
  std::size_t digits = 0;
  while (digits < word.size() && (is_digit(word[digits]) || word[digits] == '.')) ++digits;
  return digits > 0 && std::find(kUnits.begin(), kUnits.end(), word.substr(digits)) != kUnits.end();
}

void RedactWords::FreeRegex::operator()(regex_t* regex) const {
  ::regfree(regex);
  delete regex;
}

RedactWords::RedactWords(std::function<bool(std::string_view)> is_metric, const std::vector<std::string>& patterns, Pseudonyms& names)
    : is_metric_(std::move(is_metric)), names_(names) {
  for (const std::string& pattern : patterns) {
    auto regex = std::make_unique<regex_t>();
    if (::regcomp(regex.get(), pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0)
      throw Error("'" + printable(pattern) + "' is no extended regular expression");
    patterns_.emplace_back(regex.release());
  }
}

bool RedactWords::unwanted(std::string_view text) const {
  if (patterns_.empty()) return false;
  const std::string whole(text);
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) { return ::regexec(pattern.get(), whole.c_str(), 0, nullptr, 0) == 0; });
}

std::string RedactWords::keep(std::string_view text, NameClass otherwise) {
  if (unwanted(text)) return names_.token(NameClass::kPattern, text);
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < 127; });
  return plain ? names_.keep(text) : names_.token(otherwise, text);
}

namespace {

// What is between the two, where there is something.
std::optional<std::string_view> between(std::string_view name, std::string_view before, std::string_view behind) {
  if (name.size() <= before.size() + behind.size() || !name.starts_with(before) || !name.ends_with(behind)) return std::nullopt;
  return name.substr(before.size(), name.size() - before.size() - behind.size());
}

}  // namespace

// Beside the catalogue's there are those that come and go with whom they are of: programs outside the targets, heartbeats and their peers.
std::string RedactWords::metric(std::string_view name) {
  for (const std::string_view behind : {"].cpu.total", "].cpu.system"})
    if (const auto who = between(name, "bystander[", behind)) return "bystander[" + names_.token(NameClass::kLabel, *who) + std::string(behind);
  if (const auto beat = between(name, "beat.", ".age")) {
    const std::size_t peer = beat->find('[');
    if (peer == std::string_view::npos || beat->back() != ']') return "beat." + names_.token(NameClass::kLabel, *beat) + ".age";
    return "beat." + names_.token(NameClass::kLabel, beat->substr(0, peer)) + "[" + names_.endpoint(beat->substr(peer + 1, beat->size() - peer - 2)) + "].age";
  }
  const std::size_t open = name.find('['), close = name.find(']');
  if (open != std::string_view::npos && close != std::string_view::npos && open < close) {
    const std::string around = std::string(name.substr(0, open)) + std::string(name.substr(close + 1));
    if (!is_metric_(around)) return names_.token(NameClass::kMetric, name);
    // host.cpu[3].user: which CPU it was is nobody's secret.
    const std::string_view who = name.substr(open + 1, close - open - 1);
    if (name.substr(0, open) == "host.cpu" && std::all_of(who.begin(), who.end(), is_digit)) return keep(name, NameClass::kMetric);
    return keep(name.substr(0, open), NameClass::kMetric) + "[" + names_.token(NameClass::kLabel, name.substr(open + 1, close - open - 1)) + "]" +
           keep(name.substr(close + 1), NameClass::kMetric);
  }
  if (is_metric_(name)) return keep(name, NameClass::kMetric);
  return names_.token(NameClass::kMetric, name);
}

std::string RedactWords::condition(std::string_view when) {
  // Of what is no rule's.
  constexpr std::array<std::string_view, 5> kPhrases = {"asked for", "on-exit always", "on-exit failure", "the recorder died", "the host died"};
  if (holds(kPhrases, when)) return keep(when, NameClass::kLabel);
  std::string out;
  while (!when.empty()) {
    const char c = when.front();
    if (!is_letter(c) && !is_digit(c) && c != '[' && c != '_' && static_cast<unsigned char>(c) < 128) {
      out += c >= ' ' && c != '"' && c != '\'' ? c : ' ';
      when.remove_prefix(1);
      continue;
    }
    std::size_t end = 0;
    for (bool inside = false; end < when.size(); ++end) {
      const char w = when[end];
      inside = w == '[' || (inside && w != ']');
      if (!inside && !is_letter(w) && !is_digit(w) && w != '.' && w != '_' && w != '%' && w != ']' && w != '-' && static_cast<unsigned char>(w) < 128) break;
    }
    const std::string_view word = when.substr(0, end);
    const bool signal = word.starts_with("SIG") && std::all_of(word.begin(), word.end(), is_letter) && word.size() <= 9;
    out += holds(kOperators, word) || is_quantity(word) || signal ? keep(word, NameClass::kLabel) : metric(word);
    when.remove_prefix(end);
  }
  return out;
}

std::string RedactWords::rule_name(std::string_view name) {
  std::string word;
  for (std::size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && (is_letter(name[i]) || is_digit(name[i]))) {
      word += name[i];
      continue;
    }
    const bool separator = i == name.size() || name[i] == '-' || name[i] == '_' || name[i] == '.';
    if (!separator || !(holds(kRuleWords, word) || is_number(word))) return names_.token(NameClass::kLabel, name);
    word.clear();
  }
  return keep(name, NameClass::kLabel);
}

std::string RedactWords::figure(std::string_view text) {
  std::string packed(text);
  std::erase(packed, ' ');
  return is_quantity(packed) ? std::string(text) : "";
}

std::string RedactWords::subject(std::string_view subject) {
  if (subject.empty() || subject.starts_with('/')) return names_.path(subject);
  if (Pseudonyms::is_endpoint(subject)) return names_.endpoint(subject);
  for (const std::string_view kind : {"socket:[", "pipe:[", "anon_inode:["})
    if (subject.starts_with(kind) && subject.ends_with(']') &&
        std::all_of(subject.begin() + static_cast<std::ptrdiff_t>(kind.size()), subject.end() - 1, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); }))
      return keep(subject, NameClass::kText);
  return names_.path(subject);
}

std::string RedactWords::sockets(std::string_view lines) {
  std::string out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
    if (line.empty()) continue;
    nlohmann::json row;
    try {
      row = parse_json(line, "sockets.ndjson");
    } catch (const Error&) {
      continue;  // what cannot be read does not leave
    }
    if (!row.is_object()) continue;
    Json hidden = Json::object();
    const auto text = [&](const char* key) { return row.contains(key) && row[key].is_string() ? row[key].get<std::string>() : std::string(); };
    if (row.contains("left_out")) {
      if (row["left_out"].is_number()) hidden["left_out"] = row["left_out"];
      hidden["problem"] = "";
      out += dump_json_line(hidden) + "\n";
      continue;
    }
    const std::string protocol = text("protocol"), state = text("state");
    hidden["protocol"] = protocol == "tcp" || protocol == "udp" ? protocol : "";
    hidden["state"] = holds(kStates, state) ? state : names_.token(NameClass::kLabel, state);
    for (const char* key : {"local", "remote"}) hidden[key] = row.contains(key) && row[key].is_string() ? Json(names_.endpoint(text(key))) : Json(nullptr);
    for (const std::string_view key : kNumbers)
      if (const auto at = row.find(std::string(key)); at != row.end() && at->is_number()) hidden[std::string(key)] = *at;
    for (const char* key : {"uid", "pid", "netns"}) hidden[key] = row.contains(key) && row[key].is_number() ? Json(row[key]) : Json(nullptr);
    out += dump_json_line(hidden) + "\n";
  }
  return out;
}

std::string RedactWords::part_name(std::string_view name) { return holds(kParts, name) ? std::string(name) : names_.token(NameClass::kLabel, name); }

}  // namespace fdr
