#include "formats/bundle_writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>

#include "formats/bundle_files.hpp"
#include "formats/error.hpp"
#include "formats/sha256.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr int kCreate = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
constexpr int kDirectory = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kMaxCollisions = 1000;

std::string name_part(std::string_view text) {
  std::string part;
  for (const char c : text.substr(0, 32)) {
    const bool safe =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    part += safe ? c : '-';
  }
  return part.empty() ? "unnamed" : part;
}

constexpr std::uint64_t kBlockBytes = 4096;  // what the smallest file takes of nearly every file system

std::string room_hint(const std::string& directory) { return "free some space in " + directory + ", or name another directory with -o"; }

[[noreturn]] void fail(const std::string& path, int error, const std::string& directory) {
  if (error == ENOSPC || error == EDQUOT) throw NoRoom(system_error("write " + path, error).what(), room_hint(directory));
  if (error == EFBIG) throw NoRoom(system_error("write " + path, error).what(), "raise the limit of file size (ulimit -f)");
  std::string hint;
  if (error == EACCES || error == EPERM || error == EROFS) hint = "name a directory you may write to with -o";
  throw system_error("write " + path, error, hint);
}

// What one bundle may take, and has taken.
struct Budget {
  std::uint64_t most = UINT64_MAX, taken = 0;

  // A file that is `written` long by now, or a directory.
  void check(std::uint64_t written, const std::string& directory) const {
    const std::uint64_t blocks = (written + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    if (most < taken || most - taken < blocks) throw NoRoom(fmt::format("no more than {} may be written to {}", bytes_text(static_cast<double>(most)), directory), room_hint(directory));
  }
  void take(std::uint64_t written) { taken += (written / kBlockBytes + 1) * kBlockBytes; }
};

// Creates what is missing of `path`, each 0700, and opens it. The last component may not be a link: in a directory that
// others write to, a link of that name would send the bundle where they please.
FileDescriptor open_output_directory(const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1))
    ::mkdir(path.substr(0, slash).c_str(), 0700);  // what cannot be made shows itself below
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) fail(path, errno, path);
  FileDescriptor fd(::open(path.c_str(), kDirectory));
  if (!fd.valid() && errno == ENOTDIR) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode))
      throw Error("open " + path + ": it is a symbolic link", "name the directory it points to");
  }
  if (!fd.valid()) fail(path, errno, path);
  return fd;
}

void sync(int fd, const std::string& path, const std::string& directory) {
  // Some file systems refuse to sync a directory; that is no loss of data.
  if (::fsync(fd) != 0 && errno != EINVAL && errno != EROFS) fail(path, errno, directory);
}

// One file being written: counts and sums what passes.
class FileSink {
 public:
  FileSink(FileDescriptor fd, std::string path, std::string directory, const Budget& budget)
      : fd_(std::move(fd)), path_(std::move(path)), directory_(std::move(directory)), budget_(budget) {}

  void write(std::string_view bytes) {
    budget_.check(written_ + bytes.size(), directory_);
    sum_.update(bytes);
    written_ += bytes.size();
    while (!bytes.empty()) {
      const ssize_t wrote = ::write(fd_.get(), bytes.data(), bytes.size());
      if (wrote < 0 && errno == EINTR) continue;
      if (wrote < 0) fail(path_, errno, directory_);
      bytes.remove_prefix(static_cast<std::size_t>(wrote));
    }
  }
  std::string finish() {
    sync(fd_.get(), path_, directory_);
    return sum_.hex();
  }
  std::uint64_t written() const { return written_; }

 private:
  FileDescriptor fd_;
  std::string path_, directory_;
  const Budget& budget_;
  Sha256 sum_;
  std::uint64_t written_ = 0;
};

}  // namespace

std::string bundle_name(std::int64_t realtime_ns, std::string_view host, std::string_view target,
                        std::string_view rule) {
  return utc_compact(realtime_ns) + "." + name_part(host) + "." + name_part(target) + "." + name_part(rule);
}

class BundleWriter::Impl {
 public:
  Impl(std::string directory, std::string name, std::uint64_t most_bytes) : budget_{most_bytes, 0}, directory_(std::move(directory)), name_(std::move(name)) {
    while (directory_.size() > 1 && directory_.ends_with('/')) directory_.pop_back();
    if (!safe_name()) throw Error("not a name for a bundle: " + printable(name_));
    parent_ = open_output_directory(directory_);
    for (ordinal_ = 1;; ++ordinal_) {
      if (ordinal_ > kMaxCollisions) throw Error("too many bundles named " + name_ + " in " + directory_);
      if (!exists(final_name()) && ::mkdirat(parent_.get(), partial_name().c_str(), 0700) == 0) {
        if (open_root()) break;
      } else if (errno != EEXIST) {
        fail(directory_ + "/" + partial_name(), errno, directory_);
      }
    }
    partial_path_ = directory_ + "/" + partial_name();
  }

  template <class Produce>
  void add(const std::string& path, Produce produce) {
    FDR_CHECK(!finished_);
    budget_.check(1, directory_);
    FileSink sink(create(path), partial_path_ + "/" + path, directory_, budget_);
    try {
      produce(sink);
    } catch (...) {
      bytes_ += sink.written();
      throw;
    }
    bytes_ += sink.written();
    budget_.take(sink.written());
    sums_[path] = sink.finish();
  }

  std::string finish(Manifest manifest) {
    manifest.files = sums_;
    add("manifest.json", [&](FileSink& sink) { sink.write(to_json(manifest)); });
    for (const std::string& path : directories_) {
      const FileDescriptor fd = walk(*safe_path_parts(path), false);
      sync(fd.get(), partial_path_ + "/" + path, directory_);
    }
    sync(root_.get(), partial_path_, directory_);
    rename();
    finished_ = true;
    sync(parent_.get(), directory_, directory_);
    return directory_ + "/" + final_name();
  }

  std::uint64_t bytes_ = 0;
  std::string partial_path_;

 private:
  bool safe_name() const {
    return name_.size() <= 200 && name_.find('/') == std::string::npos && !name_.empty() && name_[0] != '.';
  }
  std::string final_name() const { return ordinal_ == 1 ? name_ + ".fdr" : fmt::format("{}-{}.fdr", name_, ordinal_); }
  std::string partial_name() const { return started_name_.empty() ? final_name() + ".partial" : started_name_; }

  // The directory just made, locked: as long as we live nobody takes it for one that was left half written. False where it is gone again,
  // or somebody looks at it right now: another name, then. File systems without locks say so, and go without.
  bool open_root() {
    root_ = FileDescriptor(::openat(parent_.get(), partial_name().c_str(), kDirectory));
    if (!root_.valid() && errno == ENOENT) return false;
    if (!root_.valid()) fail(directory_ + "/" + partial_name(), errno, directory_);
    struct stat status {};
    if (::flock(root_.get(), LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    return ::fstat(root_.get(), &status) == 0 && status.st_nlink > 0;
  }

  // Sets errno to EEXIST where it does, as mkdirat would.
  bool exists(const std::string& name) const {
    struct stat status {};
    if (::fstatat(parent_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    errno = EEXIST;
    return true;
  }

  // The directory of `parts`, made where missing if `create_missing`.
  FileDescriptor walk(const std::vector<std::string>& parts, bool create_missing) {
    FileDescriptor fd(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    std::string path;
    for (const std::string& part : parts) {
      path += (path.empty() ? "" : "/") + part;
      if (create_missing && ::mkdirat(fd.get(), part.c_str(), 0700) == 0) {
        directories_.insert(path);
        budget_.take(1);
      }
      FileDescriptor next(::openat(fd.get(), part.c_str(), kDirectory));
      if (!next.valid()) fail(partial_path_ + "/" + path, errno, directory_);
      fd = std::move(next);
    }
    return fd;
  }

  FileDescriptor create(const std::string& path) {
    auto parts = safe_path_parts(path);
    if (!parts) throw Error("not a path inside a bundle: " + printable(path));
    const std::string file = parts->back();
    parts->pop_back();
    const FileDescriptor parent = walk(*parts, true);
    FileDescriptor fd(::openat(parent.get(), file.c_str(), kCreate, 0600));
    if (!fd.valid()) fail(partial_path_ + "/" + path, errno, directory_);
    return fd;
  }

  // Another dump may have taken the name meanwhile: then the next number.
  void rename() {
    started_name_ = partial_name();
    for (;; ++ordinal_) {
      if (ordinal_ > kMaxCollisions) throw Error("too many bundles named " + name_ + " in " + directory_);
      if (::renameat2(parent_.get(), started_name_.c_str(), parent_.get(), final_name().c_str(), RENAME_NOREPLACE) == 0)
        return;
      if (errno == EEXIST) continue;
      // File systems without RENAME_NOREPLACE say EINVAL.
      if (errno != EINVAL && errno != ENOSYS) fail(partial_path_, errno, directory_);
      if (exists(final_name())) continue;
      if (::renameat(parent_.get(), started_name_.c_str(), parent_.get(), final_name().c_str()) == 0) return;
      fail(partial_path_, errno, directory_);
    }
  }

  Budget budget_;
  std::string directory_, name_, started_name_;
  int ordinal_ = 1;
  FileDescriptor parent_, root_;
  std::map<std::string, std::string> sums_;
  std::set<std::string> directories_;
  bool finished_ = false;
};

BundleWriter::BundleWriter(const std::string& directory, const std::string& name, std::uint64_t most_bytes) : impl_(new Impl(directory, name, most_bytes)) {}
BundleWriter::~BundleWriter() { delete impl_; }

void BundleWriter::add_file(const std::string& path, std::string_view contents) {
  if (path == "manifest.json") throw Error("manifest.json is written by finish()");
  impl_->add(path, [&](FileSink& sink) { sink.write(contents); });
}

void BundleWriter::add_trace(const Timeline& timeline, const TraceTrigger& trigger) {
  impl_->add("trace.pftrace", [&](FileSink& sink) {
    write_perfetto(timeline, trigger, [&](std::string_view bytes) { sink.write(bytes); });
  });
}

void BundleWriter::add_modules(const StackTable& stacks, const std::vector<ModuleSlice>& slices) {
  add_file("modules.json", modules_json(stacks, slices));
}

std::string BundleWriter::finish(Manifest manifest) { return impl_->finish(std::move(manifest)); }
std::uint64_t BundleWriter::bytes_written() const { return impl_->bytes_; }
void BundleWriter::abandon() {
  try {
    std::error_code ignored;
    std::filesystem::remove_all(impl_->partial_path_, ignored);  // does not follow links
  } catch (const std::exception&) {
    // No memory for the walk: a *.partial stays, which nobody takes for a bundle.
  }
}
const std::string& BundleWriter::partial_path() const { return impl_->partial_path_; }

}  // namespace fdr
