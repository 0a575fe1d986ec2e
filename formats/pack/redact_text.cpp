#include "formats/pack/redact_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstring>
#include <utility>

#include "formats/error.hpp"
#include "formats/json_text.hpp"
#include "formats/pack/rescan.hpp"

namespace fdr {
namespace {

constexpr std::size_t kLongWord = 24;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_strange(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_' || c == '-' || is_strange(c); }
// Between two chunks: spaces, quotes, brackets, what separates lists and assignments, and the backslash of an escape.
bool is_between(char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127 || std::strchr("\"'`()<>{}[],;=|&\\", c) != nullptr; }

template <class Is>
bool all(std::string_view text, Is is) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is);
}
template <class Is>
bool any(std::string_view text, Is is) {
  return std::any_of(text.begin(), text.end(), is);
}

std::uint32_t start_of(std::string_view text) {
  std::uint32_t start = 0;
  std::memcpy(&start, text.data(), sizeof start);
  return start;
}

// 2026-03-01T12:41:23.5Z, 12:41:23, 1.25
bool is_time(std::string_view chunk) {
  return any(chunk, is_digit) && all(chunk, [](char c) { return is_digit(c) || std::strchr(":.-+TZ", c); });
}

bool is_domain(std::string_view chunk) {
  const std::size_t dot = chunk.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || chunk.size() - dot < 3) return false;
  return all(chunk.substr(dot + 1), is_letter) && all(chunk, [](char c) { return is_word(c) || c == '.'; });
}

bool announces_a_secret(std::string_view word) {
  constexpr std::array<std::string_view, 12> kWords = {"user", "pass", "secret", "token", "login", "auth", "cookie", "session", "account", "key", "host", "credential"};
  std::string lower(word);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(kWords.begin(), kWords.end(), [&](std::string_view known) { return lower.find(known) != std::string::npos; });
}

}  // namespace

TextScrubber::TextScrubber(Pseudonyms& names, const RedactWords& words) : names_(names), words_(words) {
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals) {
      if (original.size() < 2 || !any(original, [](char c) { return is_letter(c) || is_strange(c); })) continue;
      by_word_.emplace(original, pseudonym);
      if (original.size() >= Rescan::kShortest && Rescan::is_telling(original)) by_start_[start_of(original)].push_back({original, pseudonym});
    }
  for (auto& [start, known] : by_start_) std::sort(known.begin(), known.end(), [](const Known& a, const Known& b) { return a.original.size() > b.original.size(); });
}

const TextScrubber::Known* TextScrubber::known_at(std::string_view text) const {
  if (text.size() < sizeof(std::uint32_t)) return nullptr;
  const auto at = by_start_.find(start_of(text));
  if (at == by_start_.end()) return nullptr;
  const auto known = std::find_if(at->second.begin(), at->second.end(), [&](const Known& one) { return text.starts_with(one.original); });
  return known == at->second.end() ? nullptr : &*known;
}

std::string TextScrubber::word(std::string_view word) {
  const bool secret = std::exchange(secret_next_, announces_a_secret(word));
  if (const auto known = by_word_.find(std::string(word)); known != by_word_.end()) return known->second;
  const bool letters = any(word, is_letter), digits = any(word, is_digit);
  const bool hexadecimal = word.starts_with("0x") && all(word.substr(2), [](unsigned char c) { return std::isxdigit(c) != 0; });
  const bool mixed = letters && digits && !is_quantity(word) && !hexadecimal;
  if (mixed || any(word, is_strange) || word.size() > kLongWord || (secret && (letters || digits))) return names_.token(NameClass::kText, word);
  return std::string(word);
}

std::string TextScrubber::chunk(std::string_view chunk) {
  std::string after;
  while (!chunk.empty() && std::strchr(".:!?", chunk.back())) {
    after.insert(after.begin(), chunk.back());
    chunk.remove_suffix(1);
  }
  if (chunk.empty()) return after;
  if (Pseudonyms::is_endpoint(chunk)) return names_.endpoint(chunk) + after;
  if (const auto known = by_word_.find(std::string(chunk)); known != by_word_.end()) return known->second + after;
  if (is_time(chunk)) return std::string(chunk) + after;
  if (chunk.find('@') != std::string_view::npos || is_domain(chunk)) return names_.token(NameClass::kText, chunk) + after;
  if (const std::size_t slash = chunk.find('/'); slash != std::string_view::npos && !all(chunk, [](char c) { return is_digit(c) || c == '/'; })) {
    // "http://db7/x", "file=/etc/x:12", "a/b.c": what is before the first slash is a word of its own only where a path begins there.
    const std::size_t scheme = chunk.find("://");
    if (scheme == std::string_view::npos) return names_.path(chunk) + after;
    std::string_view rest = chunk.substr(scheme + 3);
    const std::string_view host = rest.substr(0, rest.find('/'));
    rest.remove_prefix(host.size());
    return word(chunk.substr(0, scheme)) + "://" + (Pseudonyms::is_endpoint(host) ? names_.endpoint(host) : names_.token(NameClass::kHost, host)) + (rest.empty() ? "" : names_.path(rest)) + after;
  }
  std::string out;
  while (!chunk.empty()) {
    const std::size_t end = std::min(chunk.size(), static_cast<std::size_t>(std::find_if_not(chunk.begin(), chunk.end(), is_word) - chunk.begin()));
    if (end) out += word(chunk.substr(0, end));
    else out += chunk.front();
    chunk.remove_prefix(std::max<std::size_t>(end, 1));
  }
  return out + after;
}

std::string TextScrubber::unknown(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = static_cast<std::size_t>(std::find_if(text.begin(), text.end(), is_between) - text.begin());
    if (end) {
      out += chunk(text.substr(0, end));
    } else {
      const char c = text.front();
      out += static_cast<unsigned char>(c) >= ' ' || c == '\t' ? c : '?';
    }
    text.remove_prefix(std::max<std::size_t>(end, 1));
  }
  return out;
}

std::string TextScrubber::line(std::string_view line) {
  if (words_.unwanted(line)) return names_.token(NameClass::kPattern, line);
  secret_next_ = false;
  std::string out;
  std::size_t begin = 0;
  for (std::size_t at = 0; at < line.size();) {
    const Known* known = known_at(line.substr(at));
    if (!known) {
      ++at;
      continue;
    }
    out += unknown(line.substr(begin, at - begin)) + known->pseudonym;
    begin = at += known->original.size();
  }
  return out + unknown(line.substr(begin));
}

std::string TextScrubber::text(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.size(), text.find('\n'));
    out += line(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return out;
}

std::string TextScrubber::log_lines(std::string_view ndjson) {
  constexpr std::array kNames = {"log", "source"};
  constexpr std::array kTexts = {"text", "place", "skipped", "problem"};
  constexpr std::array kFigures = {"since_ns", "lines", "counted", "cut", "monotonic_ns"};
  std::string out;
  while (!ndjson.empty()) {
    const std::size_t end = std::min(ndjson.size(), ndjson.find('\n'));
    const std::string_view one = ndjson.substr(0, end);
    ndjson.remove_prefix(std::min(ndjson.size(), end + 1));
    nlohmann::json row;
    try {
      row = parse_json(one, "logs.ndjson");
    } catch (const Error&) {
      continue;
    }
    if (!row.is_object()) continue;
    Json hidden = Json::object();
    if (row.contains("time") && row["time"].is_string() && is_time(row["time"].get<std::string>())) hidden["time"] = row["time"];
    for (const char* key : kNames)
      if (row.contains(key) && row[key].is_string()) hidden[key] = names_.token(NameClass::kLabel, row[key].get<std::string>());
    for (const char* key : kFigures)
      if (row.contains(key) && row[key].is_number()) hidden[key] = row[key];
    for (const char* key : kTexts)
      if (row.contains(key) && row[key].is_string()) hidden[key] = line(row[key].get<std::string>());
    out += dump_json_line(hidden) + "\n";
  }
  return out;
}

}  // namespace fdr
