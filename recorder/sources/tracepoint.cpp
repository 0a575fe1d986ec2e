#include "recorder/sources/tracepoint.hpp"

#include <charconv>

#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

// The number behind `key`, as in "offset:8;".
std::optional<std::uint32_t> number_behind(std::string_view line, std::string_view key) {
  const std::size_t at = line.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  std::size_t begin = at + key.size();
  while (begin < line.size() && line[begin] == ' ') ++begin;
  std::uint32_t value = 0;
  const auto parsed = std::from_chars(line.data() + begin, line.data() + line.size(), value);
  return parsed.ec == std::errc{} ? std::optional(value) : std::nullopt;
}

// "unsigned long args[6]" -> "args"
std::string_view name_of(std::string_view declaration) {
  declaration = declaration.substr(0, declaration.find('['));
  const std::size_t space = declaration.find_last_of(" *");
  return space == std::string_view::npos ? declaration : declaration.substr(space + 1);
}

}  // namespace

std::optional<std::int64_t> Tracepoint::word(std::span<const std::uint8_t> raw, std::string_view name, std::uint32_t index) const {
  const auto field = fields.find(name);
  std::int64_t value = 0;
  if (field == fields.end() || (index + 1) * sizeof value > field->second.bytes) return std::nullopt;
  const std::size_t at = field->second.offset + index * sizeof value;
  if (raw.size() < sizeof value || at > raw.size() - sizeof value) return std::nullopt;
  std::memcpy(&value, raw.data() + at, sizeof value);
  return value;
}

std::optional<Tracepoint> parse_tracepoint(std::string_view format) {
  Tracepoint found;
  while (!format.empty()) {
    const std::string_view line = format.substr(0, format.find('\n'));
    format.remove_prefix(std::min(format.size(), line.size() + 1));
    if (line.starts_with("ID:")) {
      const auto id = number_behind(line, "ID:");
      if (!id || *id == 0 || *id > UINT16_MAX) return std::nullopt;
      found.id = static_cast<std::uint16_t>(*id);
    }
    const std::size_t field = line.find("field:");
    if (field == std::string_view::npos) continue;
    const auto offset = number_behind(line, "offset:"), bytes = number_behind(line, "size:");
    if (!offset || !bytes || *offset > UINT16_MAX || *bytes > UINT16_MAX) continue;
    const std::string_view name = name_of(line.substr(field + 6, line.find(';') - field - 6));
    if (!name.starts_with("common_")) found.fields.emplace(name, Tracepoint::Field{*offset, *bytes});
  }
  return found.id ? std::optional(std::move(found)) : std::nullopt;
}

std::optional<Tracepoint> find_tracepoint(const std::string& name) {
  for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"})
    if (const auto text = read_small_file(std::string(root) + "/events/" + name + "/format", 1u << 16))
      if (auto found = parse_tracepoint(*text)) return found;
  return std::nullopt;
}

}  // namespace fdr
