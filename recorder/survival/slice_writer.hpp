// Puts slices on disk on a thread of its own: a disk that stalls never holds up a tick. One directory (0700, links not followed), in it a journal
// that is only appended to, the one before it, and files that are replaced as a whole; each step is on the disk (fdatasync) before the next.
//
// What waits is bounded: beyond it a step is given up, and broken() says that the journal has a hole and must begin anew. Errors are told,
// never thrown. The session's thread gives, one other writes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "formats/file_descriptor.hpp"

namespace fdr {

class SliceWriter {
 public:
  // `keep_free_percent` of the disk must stay free.
  SliceWriter(std::string directory, double keep_free_percent);
  ~SliceWriter();  // waits for the step in work, gives up what waits
  SliceWriter(const SliceWriter&) = delete;

  void begin_journal(std::string records);
  void append(std::string records);
  void replace(const char* file, std::uint32_t kind, std::string payload);

  // Something was not written since the last begin_journal().
  bool broken() const;
  std::uint64_t written_bytes() const;
  std::string problem() const;  // the first one

 private:
  struct Step {
    enum Kind { kBegin, kAppend, kReplace } kind;
    const char* file = nullptr;
    std::uint32_t state_kind = 0;
    std::string bytes;
  };
  void push(Step step);
  void run();
  void make_directory();
  void sync_names();
  void write(const Step& step);  // throws Error

  const std::string directory_;
  const double keep_free_percent_;
  FileDescriptor journal_;
  bool made_ = false, begun_ = false;  // the directory; a journal, which may have broken off since
  mutable std::mutex mutex_;
  std::condition_variable more_;
  std::deque<Step> waiting_;
  std::size_t waiting_bytes_ = 0;
  bool ending_ = false, broken_ = true;
  std::uint64_t written_ = 0;
  std::string problem_;
  std::thread thread_;
};

}  // namespace fdr
