// The lines that a program writes to its stdout for as long as it runs: `journalctl -f`. It is started apart from us (spawn.hpp), and
// again half a minute after it ended; when it writes faster than it is read, it waits. What it last said on stderr is the
// reason when nothing comes. Its process group is ended with us. One thread.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "formats/file_descriptor.hpp"
#include "recorder/logs/line_source.hpp"
#include "recorder/logs/line_splitter.hpp"

namespace fdr {

class CommandLines : public LineSource {
 public:
  // `needs`: a path without which the program would wait for nothing; empty: none.
  explicit CommandLines(std::vector<std::string> command, std::string needs = {});
  ~CommandLines() override;
  void read(Timestamp now, const TakeLine& take) override;
  std::string problem() const override { return problem_; }

 private:
  void start(Timestamp now);
  void end();
  void drain_errors();

  std::vector<std::string> command_;
  std::string needs_, problem_;
  pid_t pid_ = 0;
  FileDescriptor output_, errors_;
  LineSplitter lines_, error_lines_;
  std::string last_error_;
  bool said_ = false;  // anything, since it was started
  Timestamp next_start_{};
};

}  // namespace fdr
