#include "recorder/history/history_writer.hpp"

#include <unistd.h>


#include "formats/error.hpp"
#include "recorder/system/disk_room.hpp"
#include "recorder/system/quiet_thread.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostWaiting = 32;  // some 100 KB each: a quarter of an hour
constexpr int kNice = 10;

}  // namespace

HistoryWriter::HistoryWriter(std::unique_ptr<HistoryFile> file, std::vector<HistoryMetric> table, double keep_free_percent)
    : file_(std::move(file)), table_(std::move(table)), keep_free_percent_(keep_free_percent) {
  thread_ = quiet_thread("fdr-history", kNice, [this] { run(); });
}

HistoryWriter::~HistoryWriter() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  more_.notify_all();
  thread_.join();
}

void HistoryWriter::add(HistoryRing ring, HistoryRows rows) { push(Rows{ring, std::move(rows)}); }
void HistoryWriter::add(std::vector<HistoryMovers> movers) { push(std::move(movers)); }

void HistoryWriter::push(Work work) {
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() < kMostWaiting) {
      waiting_.push_back(std::move(work));
    } else {
      ++count_.lost;
      if (count_.problem.empty()) count_.problem = "the disk does not keep up";
    }
  }
  more_.notify_all();
}

HistoryWriter::Count HistoryWriter::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

void HistoryWriter::write(Work& work) {
  check_keep_free(file_->path().substr(0, file_->path().rfind('/')), keep_free_percent_);
  if (auto* rows = std::get_if<Rows>(&work)) file_->add(rows->ring, std::move(rows->rows), table_);
  else file_->add(std::get<std::vector<HistoryMovers>>(work));
}

void HistoryWriter::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    more_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    std::string problem;
    try {
      write(work);
    } catch (const std::exception& error) {
      problem = error.what();
    }
    lock.lock();
    count_.written_bytes = file_->written_bytes();
    if (problem.empty()) continue;
    ++count_.lost;
    if (count_.problem.empty()) count_.problem = problem;
  }
}

}  // namespace fdr
