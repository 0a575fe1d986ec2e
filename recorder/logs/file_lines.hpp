// A log file, followed by its name. It is read from its end when the recorder starts, from its beginning when it appears later.
//
// Another file under the name (device and inode) is a rotation: the old one is read on for ten seconds, since its program has to be
// told first. A file that became shorter than what was read of it was truncated (copytruncate), and is read from its beginning;
// one that was truncated and had grown beyond that again between two looks is not told apart. A regular file only, no link
// at the end of its path is followed. What is more than 1 MB behind is skipped, and counted. One thread.
#pragma once


#include <string>

#include "formats/file_descriptor.hpp"
#include "recorder/logs/line_source.hpp"
#include "recorder/logs/line_splitter.hpp"

namespace fdr {

class FileLines : public LineSource {
 public:
  explicit FileLines(std::string path);
  void read(Timestamp now, const TakeLine& take) override;
  std::string problem() const override { return problem_; }
  std::string skipped() const override;

 private:
  struct Open {
    FileDescriptor file;
    std::uint64_t offset = 0;
    LineSplitter lines;
  };
  bool open(bool at_end);
  bool is_still(const Open& open) const;
  void read_on(Open& open, const TakeLine& take);

  std::string path_, problem_;
  Open current_, old_;
  Timestamp old_until_{};
  std::uint64_t skipped_bytes_ = 0;
};

}  // namespace fdr
