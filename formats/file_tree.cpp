#include "formats/file_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "formats/bundle_files.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxProblems = 20;

class Walk {
 public:
  explicit Walk(FileTree& tree) : tree_(tree) {}

  void enter(FileDescriptor fd, const std::string& prefix) {
    // fdopendir() owns what it is given; the walk still needs its own for openat().
    const std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0)), ::closedir);
    if (!entries) return problem(prefix, std::strerror(errno));
    while (const dirent* entry = ::readdir(entries.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++seen_ > kMaxBundleFiles) return problem(prefix, "more entries than a bundle has; the rest is not looked at");
      look_at(fd.get(), name, prefix.empty() ? name : prefix + "/" + name);
    }
  }

 private:
  void look_at(int directory, const std::string& name, const std::string& path) {
    if (!safe_path_parts(path)) return problem(path, "not a name that a bundle has, or too deep");
    struct stat status {};
    if (::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return problem(path, std::strerror(errno));
    if (S_ISDIR(status.st_mode)) {
      FileDescriptor below(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!below.valid()) return problem(path, std::strerror(errno));
      return enter(std::move(below), path);
    }
    if (S_ISLNK(status.st_mode)) return problem(path, "a symbolic link, not followed");
    if (!S_ISREG(status.st_mode)) return problem(path, "not a regular file");
    tree_.files.push_back({path, static_cast<std::uint64_t>(status.st_size)});
  }

  void problem(const std::string& path, const std::string& why) {
    if (tree_.problems.size() < kMaxProblems) tree_.problems.push_back(printable(path.empty() ? "." : path) + ": " + why);
  }

  FileTree& tree_;
  std::size_t seen_ = 0;
};

}  // namespace

FileTree list_bundle_files(const std::string& directory) {
  FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) throw system_error("open " + printable(directory), errno);
  FileTree tree;
  Walk(tree).enter(std::move(fd), "");
  std::sort(tree.files.begin(), tree.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return tree;
}

}  // namespace fdr
