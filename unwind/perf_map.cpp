#include "unwind/perf_map.hpp"

#include <algorithm>
#include <utility>

#include "formats/function_line.hpp"
#include "formats/text.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxLine = 2048;  // the rest of a longer one is not looked at

std::string_view after(std::string_view text, std::string_view prefix) {
  return text.substr(std::min(prefix.size(), text.size()));
}

// "shop.js" of a path or URL; of an index.js also where it lies, since every module has one.
std::string_view short_path(std::string_view path) {
  if (path.starts_with("node:")) return path;
  std::size_t slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0 && path.substr(slash + 1).starts_with("index."))
    slash = path.rfind('/', slash - 1);
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// V8, CodeEventLogger in src/logging/log.cc: TAG ":" marker name " " source ":" line ":" column
std::string readable_v8_name(std::string_view text, bool script) {
  std::string_view marker;
  if (!text.empty() && std::string_view("*+^~").find(text[0]) != std::string_view::npos) {
    marker = text.substr(0, 1);
    text.remove_prefix(1);
  }
  std::size_t blank = std::string_view::npos;
  for (const char* begin : {" /", " node:", " file:"}) blank = std::min(blank, text.find(begin));
  if (blank == std::string_view::npos) blank = text.rfind(' ');
  if (blank == std::string_view::npos) return std::string(marker) + std::string(text);
  std::string_view function = text.substr(0, blank), place = text.substr(blank + 1);
  if (function.empty()) function = script ? "(top level)" : "(anonymous)";
  // The column is cut off: a number behind another one.
  const auto is_number = [](std::string_view word) {
    return !word.empty() && word.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::size_t last = place.rfind(':');
  if (last != std::string_view::npos && last > 0 && is_number(place.substr(last + 1))) {
    const std::size_t before = place.rfind(':', last - 1);
    if (before != std::string_view::npos && is_number(place.substr(before + 1, last - before - 1)))
      place = place.substr(0, last);
  }
  return std::string(marker) + std::string(function) + " " + std::string(short_path(place));
}

}  // namespace

PerfMapNames::PerfMapNames(std::vector<std::uint64_t> addresses) : addresses_(std::move(addresses)) {
  std::sort(addresses_.begin(), addresses_.end());
  addresses_.erase(std::unique(addresses_.begin(), addresses_.end()), addresses_.end());
  name_of_.resize(addresses_.size());
}

void PerfMapNames::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view part = bytes.substr(0, end);
    if (line_.empty() && end != std::string_view::npos) {
      take_line(part.substr(0, kMaxLine));
    } else {
      line_ += part.substr(0, kMaxLine - std::min(kMaxLine, line_.size()));
      if (end != std::string_view::npos) finish();
    }
    if (end == std::string_view::npos) return;
    bytes.remove_prefix(end + 1);
  }
}

void PerfMapNames::finish() {
  take_line(line_);
  line_.clear();
}

void PerfMapNames::take_line(std::string_view text) {
  const auto line = parse_function_line(text);
  if (!line || line->name.empty() || exhausted()) return;
  auto address = std::lower_bound(addresses_.begin(), addresses_.end(), line->start);
  if (address == addresses_.end() || *address - line->start >= line->size) return;
  const auto id = static_cast<std::uint32_t>(names_.size());
  names_.push_back(valid_utf8(line->name.substr(0, kMaxName)));
  if (names_.back().size() > kMaxName) names_.back().resize(kMaxName);  // bytes that were not UTF-8 grew to \xNN: ASCII
  effort_ -= std::min<std::uint64_t>(effort_, names_.back().size());
  for (; address != addresses_.end() && *address - line->start < line->size && effort_ > 0; ++address, --effort_)
    name_of_[static_cast<std::size_t>(address - addresses_.begin())] = id;
}

const std::string& PerfMapNames::name(std::uint64_t address) const {
  const auto known = std::lower_bound(addresses_.begin(), addresses_.end(), address);
  if (known == addresses_.end() || *known != address) return names_[0];
  return names_[name_of_[static_cast<std::size_t>(known - addresses_.begin())]];
}

std::string readable_jit_name(std::string_view name) {
  for (const std::string_view tag : {"JS:", "LazyCompile:", "Function:"})
    if (name.starts_with(tag)) return readable_v8_name(after(name, tag), false);
  for (const std::string_view tag : {"Script:", "Eval:"})
    if (name.starts_with(tag)) return readable_v8_name(after(name, tag), true);
  // CPython, Python/perf_trampoline.c: "py::" qualified name ":" file
  if (name.starts_with("py::"))
    if (const std::size_t colon = name.rfind(":/"); colon != std::string_view::npos && colon > 4)
      return std::string(name.substr(0, colon)) + " " + std::string(short_path(name.substr(colon + 1)));
  return std::string(name);
}

}  // namespace fdr
