#include "formats/pack/zip_file.hpp"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "formats/bundle_files.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

using Entry = std::unique_ptr<archive_entry, void (*)(archive_entry*)>;

[[noreturn]] void throw_writing(archive* zip) {
  const char* why = archive_error_string(zip);
  throw Error(std::string("write the zip: ") + (why ? why : "unknown"));
}

// Reads one zip into a directory, keeping count.
class Extraction {
 public:
  Extraction(const std::string& path, int directory, const ZipLimits& limits) : name_(printable(path)), directory_(directory), limits_(limits) {
    fd_ = FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!fd_.valid() || ::fstat(fd_.get(), &status) != 0) throw system_error("open " + name_, errno);
    if (!S_ISREG(status.st_mode)) throw Error(name_ + " is not a regular file");
    const std::uint64_t by_ratio = limits.max_ratio * static_cast<std::uint64_t>(status.st_size);
    room_ = std::min(limits.max_bytes, std::max(limits.free_bytes, by_ratio));
    archive_.reset(archive_read_new());
    if (!archive_ || archive_read_support_format_zip_seekable(archive_.get()) != ARCHIVE_OK ||
        archive_read_open_fd(archive_.get(), fd_.get(), 1u << 16) != ARCHIVE_OK)
      throw Error(name_ + " is not a zip that fdr pack wrote");
  }

  void all(const std::function<bool(std::string_view)>& accepts) {
    archive_entry* entry = nullptr;
    for (std::size_t members = 0;; ++members) {
      const int got = archive_read_next_header(archive_.get(), &entry);
      if (got == ARCHIVE_EOF) return;
      if (got != ARCHIVE_OK) {
        if (members == 0) throw Error(name_ + " is not a zip that fdr pack wrote");
        refuse("a damaged directory of its members");
      }
      if (members == limits_.max_members) refuse(fmt::format("more than {} members", limits_.max_members));
      one(entry, accepts);
    }
  }

 private:
  void one(archive_entry* entry, const std::function<bool(std::string_view)>& accepts) {
    const char* raw = archive_entry_pathname(entry);
    const std::string path = raw ? raw : "";
    const std::string shown = "'" + printable(path).substr(0, 80) + "'";
    if (archive_entry_symlink(entry) || archive_entry_hardlink(entry) || archive_entry_filetype(entry) != AE_IFREG)
      refuse(shown + " is no regular file");
    if (!safe_path_parts(path) || !accepts(path)) refuse(shown + " is not a member of a pack");
    if (archive_entry_size_is_set(entry) && static_cast<std::uint64_t>(std::max<la_int64_t>(0, archive_entry_size(entry))) > std::min(limits_.max_member_bytes, room_))
      refuse(shown + " is too large: " + bytes_text(static_cast<double>(archive_entry_size(entry))));
    copy(create(path, shown), shown);
  }

  FileDescriptor create(const std::string& path, const std::string& shown) {
    const auto parts = *safe_path_parts(path);
    FileDescriptor at(::fcntl(directory_, F_DUPFD_CLOEXEC, 0));
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      ::mkdirat(at.get(), parts[i].c_str(), 0700);  // what cannot be made shows itself in the next step
      at = FileDescriptor(::openat(at.get(), parts[i].c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!at.valid()) refuse(shown + " goes through what is no directory");
    }
    FileDescriptor file(::openat(at.get(), parts.back().c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.valid() && errno == EEXIST) refuse(shown + " comes twice");
    if (!file.valid()) throw system_error("extract " + shown, errno);
    return file;
  }

  void copy(const FileDescriptor& file, const std::string& shown) {
    std::string piece(1u << 16, '\0');
    for (std::uint64_t bytes = 0;;) {
      const la_ssize_t got = archive_read_data(archive_.get(), piece.data(), piece.size());
      if (got == 0) return;
      if (got < 0) refuse(shown + " is damaged");
      const auto size = static_cast<std::uint64_t>(got);
      bytes += size;
      if (bytes > limits_.max_member_bytes || size > room_) refuse(shown + " inflates to more than a pack may hold");
      room_ -= size;
      for (std::string_view rest(piece.data(), size); !rest.empty();) {
        const ssize_t wrote = ::write(file.get(), rest.data(), rest.size());
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) throw system_error("extract " + shown, errno, "TMPDIR names another directory for it");
        rest.remove_prefix(static_cast<std::size_t>(wrote));
      }
    }
  }

  [[noreturn]] void refuse(const std::string& why) const { throw Error(name_ + " is refused: " + why); }

  struct Free {
    void operator()(archive* a) const { archive_read_free(a); }
  };
  std::string name_;
  int directory_;
  ZipLimits limits_;
  std::uint64_t room_ = 0;
  FileDescriptor fd_;
  std::unique_ptr<archive, Free> archive_;
};

}  // namespace

ZipWriter::ZipWriter(int fd, std::int64_t time_s) : archive_(archive_write_new()), time_s_(time_s) {
  FDR_CHECK(archive_ != nullptr);
  if (archive_write_set_format_zip(archive_) != ARCHIVE_OK || archive_write_open_fd(archive_, fd) != ARCHIVE_OK) {
    const char* why = archive_error_string(archive_);
    const std::string text = why ? why : "unknown";
    archive_write_free(archive_);
    throw Error("write the zip: " + text);
  }
}

// Without finish() it was given up: the end that is written here goes into a file that nobody keeps. (archive_write_fail() would spare it,
// and leak what libarchive keeps for the descriptor.)
ZipWriter::~ZipWriter() { archive_write_free(archive_); }

void ZipWriter::add(const std::string& path, std::string_view contents) {
  FDR_CHECK(safe_path_parts(path).has_value());
  const Entry entry(archive_entry_new(), archive_entry_free);
  archive_entry_set_pathname(entry.get(), path.c_str());
  archive_entry_set_filetype(entry.get(), AE_IFREG);
  archive_entry_set_perm(entry.get(), 0600);
  archive_entry_set_size(entry.get(), static_cast<la_int64_t>(contents.size()));
  archive_entry_set_mtime(entry.get(), time_s_, 0);
  if (archive_write_header(archive_, entry.get()) != ARCHIVE_OK) throw_writing(archive_);
  while (!contents.empty()) {
    const la_ssize_t wrote = archive_write_data(archive_, contents.data(), contents.size());
    if (wrote <= 0) throw_writing(archive_);
    contents.remove_prefix(static_cast<std::size_t>(wrote));
  }
  if (archive_write_finish_entry(archive_) != ARCHIVE_OK) throw_writing(archive_);
}

void ZipWriter::finish() {
  if (archive_write_close(archive_) != ARCHIVE_OK) throw_writing(archive_);
}

void extract_zip(const std::string& zip_path, int directory_fd, const std::function<bool(std::string_view path)>& accepts,
                 const ZipLimits& limits) {
  Extraction(zip_path, directory_fd, limits).all(accepts);
}

}  // namespace fdr
