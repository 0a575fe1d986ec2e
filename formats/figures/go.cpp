#include "formats/figures/go.hpp"

#include <charconv>
#include <cmath>
#include <map>

#include "formats/bundle_reader.hpp"
#include "formats/error.hpp"
#include "formats/json_text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxBytes = 64u << 20, kMaxRows = 10'000, kMaxStack = 256;
using Value = nlohmann::json;

std::string text(const Value& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> number(const Value& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_number()) return std::nullopt;
  const double value = found->get<double>();
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> count(const Value& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? std::optional(found->get<std::uint64_t>()) : std::nullopt;
}

std::vector<std::string> stack(const Value& object) {
  std::vector<std::string> lines;
  const auto found = object.find("stack");
  if (found == object.end() || !found->is_array()) return lines;
  for (const Value& line : *found)
    if (line.is_string() && lines.size() < kMaxStack) lines.push_back(line.get<std::string>());
  return lines;
}

// The objects in "rows".
template <class Use>
void each_row(const Value& document, Use use) {
  const auto rows = document.find("rows");
  if (rows == document.end() || !rows->is_array()) return;
  std::size_t taken = 0;
  for (const Value& row : *rows)
    if (row.is_object() && ++taken <= kMaxRows) use(row);
}

void read_goroutines(const Value& document, GoReport& report) {
  report.goroutines = count(document, "goroutines").value_or(0);
  report.goroutines_at_start = count(document, "at_start");
  each_row(document, [&](const Value& row) {
    const auto system = row.find("system");
    report.groups.push_back({count(row, "count").value_or(0), text(row, "wait"), text(row, "function"), text(row, "place"),
                             text(row, "created_by"), text(row, "created_place"),
                             system != row.end() && system->is_boolean() && system->get<bool>(), number(row, "waiting_s"), stack(row)});
  });
}

void read_heap(const Value& document, GoReport& report) {
  each_row(document, [&](const Value& row) {
    report.sites.push_back({text(row, "function"), text(row, "place"), number(row, "in_use_bytes").value_or(0),
                            number(row, "alloc_bytes").value_or(0), number(row, "grown_bytes"), number(row, "alloc_since_start_bytes"),
                            stack(row)});
  });
}

// The object in one of the files; an empty one, and `problem`, where it is damaged.
Value document_of(const std::optional<std::string>& bytes, const std::string& path, std::string& problem) {
  try {
    Value document = parse_json(bytes.value_or(""), path);
    if (document.is_object()) {
      problem = text(document, "problem");
      return document;
    }
    problem = path + " holds no object";
  } catch (const Error& error) {
    problem = error.what();
  }
  return Value::object();
}

std::optional<std::int32_t> pid_of(std::string_view path, std::string_view name) {
  constexpr std::string_view kBegin = "process/";
  if (!path.starts_with(kBegin) || !path.ends_with(name) || path.size() <= kBegin.size() + name.size()) return std::nullopt;
  path = path.substr(kBegin.size(), path.size() - kBegin.size() - name.size());
  std::int32_t pid = 0;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), pid);
  return error == std::errc() && end == path.data() + path.size() && pid > 0 ? std::optional(pid) : std::nullopt;
}

std::optional<double> start_at_s(const Value& document, const Manifest& manifest) {
  const auto start = number(document, "start_ns");
  return start ? std::optional((*start - static_cast<double>(manifest.trigger.monotonic_ns)) / 1e9) : std::nullopt;
}

}  // namespace

std::vector<GoReport> go_reports(const Manifest& manifest,
                                 const std::function<std::optional<std::string>(std::string_view part)>& read) {
  std::map<std::int32_t, GoReport> reports;
  for (const auto& [path, sum] : manifest.files) {
    if (const auto pid = pid_of(path, "/goroutines.json")) {
      GoReport& report = reports[*pid];
      const Value document = document_of(read(path), path, report.goroutines_problem);
      report.version = text(document, "version");
      report.goroutines_start_at_s = start_at_s(document, manifest);
      read_goroutines(document, report);
    } else if (const auto heap_pid = pid_of(path, "/heap.json")) {
      GoReport& report = reports[*heap_pid];
      const Value document = document_of(read(path), path, report.heap_problem);
      report.heap_start_at_s = start_at_s(document, manifest);
      read_heap(document, report);
    }
  }
  std::vector<GoReport> list;
  for (auto& [pid, report] : reports) {
    report.pid = pid;
    list.push_back(std::move(report));
  }
  return list;
}

std::vector<GoReport> go_reports(const std::string& bundle_path, const Manifest& manifest) {
  return go_reports(manifest, [&](std::string_view part) { return read_bundle_text(bundle_path, std::string(part), kMaxBytes); });
}

}  // namespace fdr
