#include "recorder/system/silent_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>

#include "formats/clock.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/text.hpp"
#include "recorder/system/mounts.hpp"
#include "recorder/system/patience.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kTrusted = 1s;
constexpr std::size_t kMostMounts = 1u << 20;  // bytes of their list
constexpr std::size_t kMostDevices = 256;  // known; one that comes back under a number that was another's is asked again some day
// Whose answer does not depend on anybody else.
constexpr long kOwn[] = {EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, TMPFS_MAGIC, RAMFS_MAGIC, SQUASHFS_MAGIC, EROFS_SUPER_MAGIC_V1, F2FS_SUPER_MAGIC, HUGETLBFS_MAGIC};

struct Known {
  std::mutex mutex;
  std::map<std::uint64_t, Timestamp> until;  // by device
};

Known& known() {
  static auto* const all = new Known;
  return *all;
}

// 0 where there is no such file.
long type_of(const std::string& path) {
  const FileDescriptor file(::open(path.c_str(), O_PATH | O_CLOEXEC));
  struct statfs system {};
  return file.valid() && ::fstatfs(file.get(), &system) == 0 ? static_cast<long>(system.f_type) : 0;
}

bool is_link_of_proc(const std::string& path) { return path.starts_with("/proc/"); }

// What a link of /proc stands for the kernel says without asking anybody.
std::string meant_by(const std::string& path) {
  const std::string meant = is_link_of_proc(path) ? read_link(path) : std::string();
  return meant.empty() ? path : meant;
}

// `key`: what else is not asked while this one is waited for. The type of its file system, 0 where there is no such file; nothing while there is no answer.
std::optional<long> ask(const std::string& key, const std::string& path) {
  const auto type = std::make_shared<long>(0);
  const std::string note = fmt::format("the file system of {} does not answer: its files are not read until it does", printable(meant_by(path)));
  return patiently(key, note, [type, path] { *type = type_of(path); }) ? std::optional(*type) : std::nullopt;
}

// Until when its last answer counts; in the past where there was none.
Timestamp trusted_until(std::uint64_t device) {
  const std::lock_guard lock(known().mutex);
  const auto found = known().until.find(device);
  return found == known().until.end() ? Timestamp{} : found->second;
}

bool ask_device(std::uint64_t device, const std::string& path) {
  const auto type = ask(fmt::format("device {:x}", device), path);
  if (!type) return false;
  const bool own = std::find(std::begin(kOwn), std::end(kOwn), *type) != std::end(kOwn);
  const std::lock_guard lock(known().mutex);
  if (known().until.size() == kMostDevices) known().until.clear();
  known().until[device] = own ? Timestamp::max() : MonotonicClock::now() + kTrusted;
  return true;
}

}  // namespace

bool answers(const std::string& path) {
  // What a process means by a path need not be what we do.
  if (is_link_of_proc(path)) return ask(meant_by(path), path).has_value();
  std::error_code none;
  const auto mount = mount_of(std::filesystem::absolute(path, none).native(), read_small_file("/proc/self/mountinfo", kMostMounts).value_or(""));
  return !mount || trusted_until(mount->device) == Timestamp::max() || ask_device(mount->device, mount->point);
}

bool answers_on(std::uint64_t device, const std::string& path) {
  if (!device) return answers(path);
  return MonotonicClock::now() < trusted_until(device) || ask_device(device, path);
}

}  // namespace fdr
