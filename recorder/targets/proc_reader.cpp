#include "recorder/targets/proc_reader.hpp"

#include <dirent.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>

#include "recorder/system/patient_read.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "recorder/targets/process_text.hpp"
#include "unwind/live/process_root.hpp"
#include "unwind/module_files.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxFilesKept = 1024;  // past them, all are read anew: a builder maps new files for as long as it runs

}  // namespace

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
  const std::string text = read_patiently(pid, "cmdline", 16384).value_or("");
  std::vector<std::string> arguments;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    arguments.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return arguments;
}

namespace {

std::optional<ProcStat> stat_of(std::int32_t pid) {
  return parse_pid_stat(read_small_file(fmt::format("/proc/{}/stat", pid)).value_or(""), ::sysconf(_SC_CLK_TCK), ::sysconf(_SC_PAGESIZE));
}

std::uint64_t start_ns(const ProcStat& stat) { return stat.start_ticks * (1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK))); }

// visit(pid, stat) for every process there is.
template <class Visit>
void for_each_stat(const Visit& visit) {
  for (const std::int32_t pid : all_pids())
    if (const auto stat = stat_of(pid)) visit(pid, *stat);
}

}  // namespace

std::int32_t parent_of(std::int32_t pid) {
  const auto stat = stat_of(pid);
  return stat ? stat->parent : 0;
}

std::vector<LivingProcess> living_processes() {
  std::vector<LivingProcess> all;
  for_each_stat([&](std::int32_t pid, const ProcStat& stat) {
    if (stat.state != 'Z' && stat.state != 'X') all.push_back({pid, stat.parent, start_ns(stat), stat.comm});
  });
  return all;
}

ProcessIdentity identity_of(std::int32_t pid) {
  const auto stat = stat_of(pid);
  return {pid, stat ? start_ns(*stat) : 0};
}

std::vector<ProcessIdentity> with_descendants(const std::vector<ProcessIdentity>& roots) {
  std::multimap<std::int32_t, ProcessIdentity> children;
  std::map<std::int32_t, std::uint64_t> starts;
  for_each_stat([&](std::int32_t pid, const ProcStat& stat) {
    children.emplace(stat.parent, ProcessIdentity{pid, start_ns(stat)});
    starts[pid] = start_ns(stat);
  });
  std::vector<ProcessIdentity> all;
  std::set<std::int32_t> seen;
  for (const ProcessIdentity& root : roots)
    if (const auto now = starts.find(root.pid); now != starts.end() && root.fits(now->second) && seen.insert(root.pid).second) all.push_back(root);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto [first, last] = children.equal_range(all[i].pid);
    for (auto child = first; child != last; ++child)
      if (child->second.pid != ::getpid() && seen.insert(child->second.pid).second) all.push_back(child->second);
  }
  return all;
}

std::string mapped_file(std::int32_t pid, const Mapping& mapping) {
  return unless_missing("map_files", fmt::format("/proc/{}/map_files/{:x}-{:x}", pid, mapping.start, mapping.end));
}

namespace {

bool is_out_of_reach(std::uint64_t device, const std::string& path) {
  struct stat info {};
  return answers_on(device, path) && ::stat(path.c_str(), &info);
}

}  // namespace

std::vector<Mapping> MapReader::read(std::int32_t pid) {
  std::vector<Mapping> mappings = parse_maps(read_patiently(pid, "maps", 16u << 20).value_or(""));
  for (Mapping& mapping : mappings) {
    if (mapping.module.kind != ModuleKind::kFile) continue;
    mapping.module.build_id = read_build_id(pid, mapping);  // its memory was not locked just now
    // Where it cannot be reached, what is at its path by now would lend it its names: it is called as the kernel calls it, which nobody finds.
    if (mapping.deleted && is_out_of_reach(mapping.device, mapped_file(pid, mapping))) mapping.module.path += " (deleted)";
  }
  return mappings;
}

std::string MapReader::build_id(std::int32_t pid, const Mapping& mapping) { return memory_answers(pid) ? read_build_id(pid, mapping) : std::string(); }

std::string MapReader::read_build_id(std::int32_t pid, const Mapping& mapping) {
  std::string path = mapped_file(pid, mapping);
  if (!answers_on(mapping.device, path)) return {};
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
  if (known_.size() >= kMaxFilesKept) known_.clear();
  const auto [entry, fresh] = known_.try_emplace(key);
  if (fresh) {
    std::string problem;
    if (const auto image = ElfImage::open(path, &problem)) entry->second = image->build_id();
  }
  return entry->second;
}

}  // namespace fdr
