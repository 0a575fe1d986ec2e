#include "recorder/proc_reader.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "recorder/metrics/process.hpp"
#include "recorder/pretend.hpp"
#include "recorder/small_file.hpp"
#include "unwind/module_files.hpp"
#include "unwind/process_root.hpp"

namespace fdr {

std::vector<std::int32_t> all_pids() {
  std::vector<std::int32_t> pids;
  DIR* entries = ::opendir("/proc");
  if (!entries) return pids;
  while (const dirent* entry = ::readdir(entries)) {
    std::int32_t pid = 0;
    const char* end = entry->d_name + std::char_traits<char>::length(entry->d_name);
    if (const auto parsed = std::from_chars(entry->d_name, end, pid); parsed.ec == std::errc{} && parsed.ptr == end) pids.push_back(pid);
  }
  ::closedir(entries);
  return pids;
}

std::string comm_of(std::int32_t pid) {
  std::string comm = read_small_file(fmt::format("/proc/{}/comm", pid)).value_or("");
  if (!comm.empty() && comm.back() == '\n') comm.pop_back();
  return comm;
}

std::string executable_of(std::int32_t pid) { return read_link(fmt::format("/proc/{}/exe", pid)); }

std::vector<std::string> command_line_of(std::int32_t pid) {
  const std::string text = read_small_file(fmt::format("/proc/{}/cmdline", pid), 16384).value_or("");
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

namespace {

// visit(pid, stat) for every process there is.
template <class Visit>
void for_each_stat(const Visit& visit) {
  const long ticks = ::sysconf(_SC_CLK_TCK), page = ::sysconf(_SC_PAGESIZE);
  for (const std::int32_t pid : all_pids())
    if (const auto stat = parse_pid_stat(read_small_file(fmt::format("/proc/{}/stat", pid)).value_or(""), ticks, page)) visit(pid, *stat);
}

}  // namespace

std::int32_t parent_of(std::int32_t pid) {
  const auto stat = parse_pid_stat(read_small_file(fmt::format("/proc/{}/stat", pid)).value_or(""), ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
  return stat ? stat->parent : 0;
}

std::vector<LivingProcess> living_processes() {
  std::vector<LivingProcess> all;
  const std::uint64_t tick_ns = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  for_each_stat([&](std::int32_t pid, const auto& stat) {
    if (stat.state != 'Z' && stat.state != 'X') all.push_back({pid, stat.parent, stat.start_ticks * tick_ns, stat.comm});
  });
  return all;
}

std::vector<std::int32_t> with_descendants(const std::vector<std::int32_t>& roots) {
  std::multimap<std::int32_t, std::int32_t> children;
  for_each_stat([&](std::int32_t pid, const auto& stat) { children.emplace(stat.parent, pid); });
  std::vector<std::int32_t> all = roots;
  std::set<std::int32_t> seen(roots.begin(), roots.end());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [first, last] = children.equal_range(all[i]);
    for (auto child = first; child != last; ++child)
      if (child->second != ::getpid() && seen.insert(child->second).second) all.push_back(child->second);
  }
  return all;
}

std::string mapped_file(std::int32_t pid, const Mapping& mapping) {
  return unless_missing("map_files", fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end));
}

std::vector<Mapping> MapReader::read(std::int32_t pid) {
  std::vector<Mapping> mappings = parse_maps(read_small_file(fmt::format("/proc/{}/maps", pid), 16u << 20).value_or(""));
  for (Mapping& mapping : mappings) {
    if (mapping.module.kind != ModuleKind::kFile) continue;
    mapping.module.build_id = build_id(pid, mapping);
    // Where it cannot be reached, what is at its path by now would lend it its names: it is called as the kernel calls it, which nobody finds.
    struct stat info {};
    if (mapping.deleted && ::stat(mapped_file(pid, mapping).c_str(), &info)) mapping.module.path += " (deleted)";
  }
  return mappings;
}

std::string MapReader::build_id(std::int32_t pid, const Mapping& mapping) {
  std::string path = mapped_file(pid, mapping);
  FileDescriptor in_root;
  struct stat info {};
  if (::stat(path.c_str(), &info)) {
    if (mapping.deleted) return {};
    in_root = find_in_root(pid, mapping.module.path);
    if (!in_root.valid() || ::fstat(in_root.get(), &info)) return {};
    path = path_of(in_root);
  }
  // An inode number is used again once its file is gone: the next program at a path often has the last one's.
  const std::string key =
      fmt::format("{}:{}:{}:{}.{}:{}", info.st_dev, info.st_ino, info.st_size, info.st_ctim.tv_sec, info.st_ctim.tv_nsec, mapping.module.path);
  const auto [entry, fresh] = known_.try_emplace(key);
  if (fresh) {
    std::string problem;
    if (const auto image = ElfImage::open(path, &problem)) entry->second = image->build_id();
  }
  return entry->second;
}

}  // namespace fdr
