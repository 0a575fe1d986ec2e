#include "recorder/targets/containers.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "recorder/system/proc_text.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr std::size_t kIdLength = 64;

bool is_figure(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// visit(id) for each id in the path, outermost first.
template <class Visit>
void for_each_id(std::string_view path, const Visit& visit) {
  for (std::size_t at = 0; at < path.size();) {
    if (!is_figure(path[at])) {
      ++at;
      continue;
    }
    std::size_t end = at;
    while (end < path.size() && is_figure(path[end])) ++end;
    const bool whole = at == 0 || path[at - 1] == '/' || path[at - 1] == '-' || path[at - 1] == ':';
    if (end - at == kIdLength && whole && !path.substr(0, at).ends_with("conmon-")) visit(path.substr(at, end - at));
    at = end;
  }
}

template <class Visit>
void for_each_id_of(std::string_view cgroup_text, const Visit& visit) {
  while (!cgroup_text.empty())
    if (const auto group = cgroup_line(take_line(cgroup_text))) for_each_id(group->path, visit);
}

}  // namespace

bool is_container_id(std::string_view text) {
  return text.size() >= kContainerPrefix && text.size() <= kIdLength && std::all_of(text.begin(), text.end(), is_figure);
}

std::string container_of(std::string_view cgroup_text) {
  std::string innermost;
  for_each_id_of(cgroup_text, [&](std::string_view id) { innermost = id; });
  return innermost;
}

bool in_container(std::string_view cgroup_text, std::string_view id) {
  bool found = false;
  for_each_id_of(cgroup_text, [&](std::string_view one) { found = found || one.starts_with(id); });
  return found;
}

std::optional<std::int32_t> inner_pid(std::string_view status_text) {
  while (!status_text.empty()) {
    std::string_view line = take_line(status_text);
    if (take_word(line) != "NSpid:") continue;
    take_word(line);  // ours
    std::optional<std::int32_t> inner;
    for (std::string_view word = take_word(line); !word.empty(); word = take_word(line)) inner = parse_number<std::int32_t>(word);
    return inner;
  }
  return std::nullopt;
}

void note_namespaces(const std::vector<std::int32_t>& pids, Manifest::Target& target) {
  for (std::size_t i = 0; i < std::min(pids.size(), kNamespacesRead); ++i) {
    const std::string place = fmt::format("/proc/{}/", pids[i]);
    if (target.container.empty()) target.container = container_of(read_small_file(place + "cgroup", 1 << 16).value_or(""));
    if (const auto inner = inner_pid(read_small_file(place + "status", 1 << 14).value_or(""))) target.ns_pids.emplace(pids[i], *inner);
  }
}

}  // namespace fdr
