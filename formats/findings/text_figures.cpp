#include "formats/findings/text_figures.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstring>

namespace fdr {
namespace {

template <class Separator>
std::vector<std::string_view> parts_of(std::string_view text, Separator separates) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < text.size();) {
    while (at < text.size() && separates(text[at])) ++at;
    std::size_t end = at;
    while (end < text.size() && !separates(text[end])) ++end;
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

}  // namespace

std::vector<std::string_view> words_of(std::string_view line) {
  return parts_of(line, [](char c) { return c == ' ' || c == '\t'; });
}

std::vector<std::string_view> lines_of_text(std::string_view text) {
  return parts_of(text, [](char c) { return c == '\n'; });
}

std::optional<std::uint64_t> number_of(std::string_view word, int base) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
  if (error != std::errc() || end != word.data() + word.size()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> figure_of(std::string_view text, std::string_view name) {
  for (const std::string_view line : lines_of_text(text)) {
    const auto words = words_of(line);
    if (words.size() >= 2 && words[0] == name) return number_of(words[1]);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> soft_limit(std::string_view limits, std::string_view row) {
  for (const std::string_view line : lines_of_text(limits)) {
    if (!line.starts_with(row)) continue;
    const auto words = words_of(line.substr(row.size()));
    return words.empty() ? std::nullopt : number_of(words[0]);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> socket_inode(std::string_view link) {
  if (!link.starts_with("socket:[") || !link.ends_with("]")) return std::nullopt;
  return number_of(link.substr(8, link.size() - 9));
}

std::string socket_address(std::string_view hex) {
  const std::size_t colon = hex.find(':');
  if ((colon != 8 && colon != 32) || hex.size() < colon + 2) return {};
  const auto port = number_of(hex.substr(colon + 1), 16);
  std::array<unsigned char, 16> bytes{};
  for (std::size_t word = 0; word * 8 < colon; ++word) {
    const auto value = number_of(hex.substr(word * 8, 8), 16);
    if (!value) return {};
    const auto four = static_cast<std::uint32_t>(*value);
    std::memcpy(bytes.data() + word * 4, &four, sizeof four);
  }
  char text[INET6_ADDRSTRLEN] = "";
  if (!port || !inet_ntop(colon == 8 ? AF_INET : AF_INET6, bytes.data(), text, sizeof text)) return {};
  return colon == 8 ? fmt::format("{}:{}", text, *port) : fmt::format("[{}]:{}", text, *port);
}

}  // namespace fdr
