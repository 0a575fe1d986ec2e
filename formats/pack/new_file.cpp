#include "formats/pack/new_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cerrno>

#include "formats/error.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

Error exists_already(const std::string& path) { return Error(printable(path) + " exists", "another name, or --force to replace it"); }

}  // namespace

NewFile::NewFile(const std::string& path, bool replace) : path_(path), replace_(replace) {
  struct stat status {};
  const bool there = ::lstat(path.c_str(), &status) == 0;
  if (there && !replace) throw exists_already(path);
  if (there && !S_ISREG(status.st_mode)) throw Error(printable(path) + " is no regular file");
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : path.substr(0, slash + 1);
  temporary_ = fmt::format("{}.{}.{}.partial", directory, path.substr(directory.size()), ::getpid());
  fd_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd_.valid()) throw system_error("write " + printable(temporary_), errno);
}

NewFile::~NewFile() {
  if (!published_) ::unlink(temporary_.c_str());
}

void NewFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t wrote = ::write(fd_.get(), bytes.data(), bytes.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw system_error("write " + printable(path_), errno);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

void NewFile::publish() {
  if (::fsync(fd_.get()) != 0) throw system_error("write " + printable(path_), errno);
  if (replace_) {
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) throw system_error("write " + printable(path_), errno);
  } else if (::link(temporary_.c_str(), path_.c_str()) == 0) {  // never replaces, on any file system that has links
    ::unlink(temporary_.c_str());
  } else if (errno == EEXIST) {
    throw exists_already(path_);
  } else if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    throw errno == EEXIST ? exists_already(path_) : system_error("write " + printable(path_), errno);
  }
  published_ = true;
}

}  // namespace fdr
