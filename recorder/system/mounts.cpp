#include "recorder/system/mounts.hpp"

#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

// Blanks are written as \040.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

std::uint64_t device_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return 0;
  const auto major = parse_number<std::uint32_t>(text.substr(0, colon)), minor = parse_number<std::uint32_t>(text.substr(colon + 1));
  return major && minor ? std::uint64_t{*major} << 32 | *minor : 0;
}

}  // namespace

std::optional<Mount> next_mount(std::string_view& mountinfo) {
  while (!mountinfo.empty()) {
    std::string_view line = take_line(mountinfo);
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    std::string_view rest = line.substr(dash + 3);
    take_word(line);  // its number, and its parent's
    take_word(line);
    Mount mount;
    mount.device = device_of(take_word(line));
    mount.root = unescaped(take_word(line));
    mount.point = unescaped(take_word(line));
    mount.type = take_word(rest);
    take_word(rest);  // what is mounted
    mount.options = take_word(rest);
    return mount;
  }
  return std::nullopt;
}

std::optional<Mount> mount_of(std::string_view path, std::string_view mountinfo) {
  std::optional<Mount> nearest;
  while (auto mount = next_mount(mountinfo)) {
    const std::string& point = mount->point;
    const bool below = point == "/" || (path.starts_with(point) && (path.size() == point.size() || path[point.size()] == '/'));
    if (below && (!nearest || point.size() >= nearest->point.size())) nearest = std::move(mount);
  }
  return nearest;
}

}  // namespace fdr
