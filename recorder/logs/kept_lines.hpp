// The newest lines of one log, within so many bytes; the oldest fall out. Lines are shared, not copied, when a bundle takes them.
// Pure; one thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "formats/clock.hpp"

namespace fdr {

struct LogLine {
  Timestamp time;            // when it was read
  std::uint64_t number = 0;  // from 1, of its log
  std::shared_ptr<const std::string> text;  // UTF-8; bytes that are none as \xNN
};

class KeptLines {
 public:
  explicit KeptLines(std::uint64_t most_bytes) : most_bytes_(most_bytes) {}

  void add(Timestamp time, std::string text) {
    bytes_ += cost(text);
    lines_.push_back({time, ++added_, std::make_shared<const std::string>(std::move(text))});
    while (bytes_ > most_bytes_ && !lines_.empty()) {
      bytes_ -= cost(*lines_.front().text);
      since_ = lines_.front().time;
      lines_.pop_front();
    }
  }
  // The lines from `begin` on.
  std::vector<LogLine> from(Timestamp begin) const {
    std::vector<LogLine> some;
    for (const LogLine& line : lines_)
      if (line.time >= begin) some.push_back(line);
    return some;
  }

  std::uint64_t added() const { return added_; }
  std::uint64_t bytes() const { return bytes_; }
  // All lines after this are kept; the beginning of time where none fell out.
  Timestamp since() const { return since_; }

 private:
  static std::uint64_t cost(const std::string& text) { return text.size() + 96; }  // the string, its count and its place in the list

  std::uint64_t most_bytes_, bytes_ = 0, added_ = 0;
  Timestamp since_{};
  std::deque<LogLine> lines_;
};

}  // namespace fdr
