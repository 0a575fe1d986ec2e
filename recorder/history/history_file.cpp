#include "recorder/history/history_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "formats/error.hpp"
#include "formats/history_code.hpp"

namespace fdr {
namespace {

void make_directories(const std::string& path) {
  for (std::size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (::mkdir(part.c_str(), 0700) && errno != EEXIST) throw system_error("create " + part, errno);
    if (end == std::string::npos) return;
  }
}

FileDescriptor open_directory(const std::string& path) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

}  // namespace

HistoryFile::HistoryFile(std::string directory, const std::string& name, std::uint64_t max_bytes, const HistoryReach& reach, History& history)
    : directory_(std::move(directory)), name_(name + ".fdrh"), path_(directory_ + "/" + name_), image_(HistoryLayout::within(max_bytes)) {
  if (open_existing(max_bytes, reach, history)) return;
  history = {};
  if (!file_.valid()) return;
  if (::ftruncate(file_.get(), 0)) throw system_error("truncate " + path_, errno);
  before_chunks_.push_back(image_.head());
}

void HistoryFile::take_lock() {
  struct stat status {};
  if (::fstat(file_.get(), &status)) throw system_error("look at " + path_, errno);
  if (!S_ISREG(status.st_mode) || status.st_nlink != 1 || status.st_uid != ::geteuid())
    throw Error(path_ + " is no plain file of ours", "remove it, or choose another history.directory");
  if (::flock(file_.get(), LOCK_EX | LOCK_NB)) throw Error(path_ + " is another recorder's", "choose another --name");
}

// False where there is nothing to go on with; the file is open all the same where there is one.
bool HistoryFile::open_existing(std::uint64_t max_bytes, const HistoryReach& reach, History& history) {
  const FileDescriptor directory = open_directory(directory_);
  if (!directory.valid() && errno == ENOENT) return false;
  if (!directory.valid()) throw system_error("open " + directory_, errno);
  file_ = FileDescriptor(::openat(directory.get(), name_.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file_.valid() && errno == ENOENT) return false;
  if (!file_.valid()) throw system_error("open " + path_, errno);
  take_lock();
  const HistoryLayout layout = HistoryLayout::within(max_bytes);
  std::string bytes(layout.total_bytes(), '\0');
  std::size_t used = 0;
  while (used < bytes.size()) {
    const ssize_t got = ::pread(file_.get(), bytes.data() + used, bytes.size() - used, static_cast<off_t>(used));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("read " + path_, errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  auto image = HistoryImage::open({reinterpret_cast<const std::uint8_t*>(bytes.data()), used}, history, reach);
  if (!image) started_anew_ = "it is of another version, or damaged";
  else if (image->layout() != layout) started_anew_ = "it is of another size than history.max_bytes";
  if (!started_anew_.empty()) return false;
  image_ = std::move(*image);
  return true;
}

void HistoryFile::make() {
  make_directories(directory_);
  const FileDescriptor directory = open_directory(directory_);
  if (!directory.valid()) throw system_error("open " + directory_, errno);
  file_ = FileDescriptor(::openat(directory.get(), name_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file_.valid()) throw system_error("create " + path_, errno);
  take_lock();
  before_chunks_.push_back(image_.head());
}

void HistoryFile::write(const HistoryWrite& write) {
  std::size_t done = 0;
  while (done < write.bytes.size()) {
    const ssize_t put = ::pwrite(file_.get(), write.bytes.data() + done, write.bytes.size() - done, static_cast<off_t>(write.offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw system_error("write " + path_, errno);
    done += static_cast<std::size_t>(put);
  }
  written_ += done;
}

void HistoryFile::add(HistoryRing ring, HistoryRows rows, const std::vector<HistoryMetric>& table) {
  std::vector<HistoryRows::Column> kept;
  for (HistoryRows::Column& column : rows.columns) {
    const auto place = image_.place_of(table.at(column.metric), before_chunks_);
    if (!place) continue;
    column.metric = *place;
    kept.push_back(std::move(column));
  }
  rows.columns = std::move(kept);
  add_chunk(ring, encode_history_rows(rows));
}

void HistoryFile::add_chunk(HistoryRing ring, const std::string& contents) {
  if (!file_.valid()) make();
  for (const HistoryWrite& part : before_chunks_) write(part);
  // A place whose name was lost in a crash would be given to another metric.
  if (!before_chunks_.empty() && ::fdatasync(file_.get())) throw system_error("write " + path_, errno);
  before_chunks_.clear();
  if (const auto chunk = image_.add(ring, contents)) write(*chunk);
}

void HistoryFile::add(const std::vector<HistoryMovers>& movers) {
  add_chunk(HistoryRing::kMovers, encode_history_movers(movers));
}

}  // namespace fdr
