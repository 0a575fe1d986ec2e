#include "recorder/sources/pins.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "recorder/config/config.hpp"

namespace fdr {
namespace {

constexpr const char* kBpfRoot = "/sys/fs/bpf";
constexpr const char* kPinRoot = "/sys/fs/bpf/fdr";

// visit(descriptor of the directory, name) for each entry.
template <class Visit>
void for_each_entry(const std::string& directory, const Visit& visit) {
  DIR* entries = ::opendir(directory.c_str());
  if (!entries) return;
  while (const dirent* entry = ::readdir(entries))
    if (entry->d_name[0] != '.') visit(::dirfd(entries), entry->d_name);
  ::closedir(entries);
}

bool is_link(std::string_view pin) { return pin.starts_with(kLinkPin) || pin.starts_with(kClockPin); }

}  // namespace

std::string pin_directory(const std::string& name) { return std::string(kPinRoot) + "/" + name; }

bool mount_bpf_filesystem(std::string* problem) {
  struct statfs info {};
  if (::statfs(kBpfRoot, &info) == 0 && info.f_type == BPF_FS_MAGIC) return true;
  if (::mount("bpf", kBpfRoot, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") == 0) return true;
  if (problem) *problem = std::string("mount the BPF filesystem on ") + kBpfRoot + ": " + std::strerror(errno);
  return false;
}

bool make_pin_directory(const std::string& directory, std::string* problem) {
  if (!mount_bpf_filesystem(problem)) return false;
  ::mkdir(kPinRoot, 0700);
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return true;
  if (problem) *problem = "create " + directory + ": " + std::strerror(errno);
  return false;
}

std::vector<std::string> pinned_recorders() {
  std::vector<std::string> names;
  for_each_entry(kPinRoot, [&](int, const char* name) {
    if (valid_name(name)) names.emplace_back(name);
  });
  std::sort(names.begin(), names.end());
  return names;
}

bool has_pinned_window(const std::string& name) { return ::access((pin_directory(name) + "/control").c_str(), F_OK) == 0; }

std::size_t detach_leftovers(const std::string& name) {
  std::size_t links = 0;
  for_each_entry(pin_directory(name), [&](int directory, const char* pin) { links += is_link(pin) && ::unlinkat(directory, pin, 0) == 0; });
  return links;
}

void remove_leftovers(const std::string& name) {
  for_each_entry(pin_directory(name), [](int directory, const char* pin) { ::unlinkat(directory, pin, 0); });
  ::rmdir(pin_directory(name).c_str());
}

}  // namespace fdr
