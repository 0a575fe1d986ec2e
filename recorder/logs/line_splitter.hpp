// Bytes that come in pieces, cut into lines: "\n" or "\r\n" ends one, empty ones are passed over, NUL bytes in front of one too (a log
// that was truncated under a program that goes on writing at its old place begins with a hole). Of a line beyond 4 KB the
// rest is left out and counted. One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

namespace fdr {

inline constexpr std::size_t kMostLine = 4096;

class LineSplitter {
 public:
  // take(line, left_out): `left_out` bytes of it are missing at its end.
  template <class Take>
  void add(std::string_view bytes, const Take& take) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find('\n');
      append(bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      finish(take);
    }
  }
  // The line that has no end yet, as if it had.
  template <class Take>
  void finish(const Take& take) {
    if (partial_.ends_with('\r')) partial_.pop_back();
    if (!partial_.empty() && !lost_) take(std::string_view(partial_), left_out_);
    partial_.clear();
    left_out_ = 0;
    lost_ = false;
  }
  // What follows begins within a line: up to its end nothing of it is told.
  void lose() {
    partial_.clear();
    left_out_ = 0;
    lost_ = true;
  }

 private:
  void append(std::string_view bytes) {
    if (partial_.empty()) bytes.remove_prefix(std::min(bytes.find_first_not_of('\0'), bytes.size()));
    const std::size_t taken = std::min(bytes.size(), kMostLine - partial_.size());
    partial_ += bytes.substr(0, taken);
    left_out_ += bytes.size() - taken;
  }

  std::string partial_;
  std::size_t left_out_ = 0;
  bool lost_ = false;
};

}  // namespace fdr
