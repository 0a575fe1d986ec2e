#include "recorder/survival/slice_writer.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "formats/error.hpp"
#include "recorder/saved/saved_window.hpp"
#include "recorder/system/disk_room.hpp"
#include "recorder/system/quiet_thread.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostWaiting = 512u << 10;  // half a minute at the greatest rate
constexpr int kNice = 10;

}  // namespace

SliceWriter::SliceWriter(std::string directory, double keep_free_percent) : directory_(std::move(directory)), keep_free_percent_(keep_free_percent) {
  thread_ = quiet_thread("fdr-slices", kNice, [this] { run(); });
}

SliceWriter::~SliceWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    waiting_.clear();
  }
  more_.notify_all();
  thread_.join();
}

void SliceWriter::begin_journal(std::string records) {
  {
    const std::lock_guard lock(mutex_);
    broken_ = false;
  }
  push({.kind = Step::kBegin, .bytes = std::move(records)});
}
void SliceWriter::append(std::string records) { push({.kind = Step::kAppend, .bytes = std::move(records)}); }
void SliceWriter::replace(const char* file, std::uint32_t kind, std::string payload) { push({.kind = Step::kReplace, .file = file, .state_kind = kind, .bytes = std::move(payload)}); }

void SliceWriter::push(Step step) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_bytes_ + step.bytes.size() > kMostWaiting) {
      broken_ = true;
      if (problem_.empty()) problem_ = "the disk does not keep up";
      return;
    }
    waiting_bytes_ += step.bytes.size();
    waiting_.push_back(std::move(step));
  }
  more_.notify_all();
}

bool SliceWriter::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

std::uint64_t SliceWriter::written_bytes() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::string SliceWriter::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

void SliceWriter::make_directory() {
  for (std::size_t end = directory_.find('/', 1);; end = directory_.find('/', end + 1)) {
    const std::string part = directory_.substr(0, end);
    if (::mkdir(part.c_str(), 0700) && errno != EEXIST) throw system_error("create " + part, errno);
    if (end == std::string::npos) break;
  }
  struct stat status {};
  if (::lstat(directory_.c_str(), &status)) throw system_error("look at " + directory_, errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) throw Error(directory_ + " is no directory of ours");
}

void SliceWriter::write(const Step& step) {
  check_keep_free(directory_, keep_free_percent_);
  if (!made_) make_directory();
  made_ = true;
  const std::string journal = directory_ + "/" + kJournalFile;
  if (step.kind == Step::kReplace) {
    if (!replace_state(directory_ + "/" + step.file, step.state_kind, step.bytes, true)) throw system_error("write " + directory_ + "/" + step.file, errno);
    return sync_names();
  }
  if (step.kind == Step::kBegin) {
    if (begun_) ::rename(journal.c_str(), (directory_ + "/" + kOldJournalFile).c_str());
    journal_ = create_state(journal);
    begun_ = journal_.valid();
    if (!journal_.valid()) throw system_error("create " + journal, errno);
  }
  if (!journal_.valid()) return;  // its beginning could not be written: that was told
  if (!write_state(journal_.get(), step.bytes) || ::fdatasync(journal_.get())) {
    const int error = errno;
    journal_.reset();  // what follows a record that is cut would not be read
    throw system_error("write " + journal, error);
  }
  if (step.kind == Step::kBegin) sync_names();
}

// A file that is new, or has a new name, is found again after a power cut only when its directory was written too (fsync(2)).
void SliceWriter::sync_names() {
  const FileDescriptor directory(::open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory.valid() || ::fsync(directory.get())) throw system_error("write " + directory_, errno);
}

void SliceWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (ending_) return;
    const Step step = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    std::string problem;
    try {
      write(step);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    lock.lock();
    waiting_bytes_ -= step.bytes.size();
    if (problem.empty()) {
      written_ += step.bytes.size();
      continue;
    }
    broken_ = true;
    if (problem_.empty()) problem_ = problem;
  }
}

}  // namespace fdr
