// The history's file: opened so that no link is followed and nobody else writes it, made only when there is something to write,
// 0600, never longer than it may be. A file of another version or size is started anew. Throws Error. One thread at a time.
#pragma once

#include <string>

#include "formats/file_descriptor.hpp"
#include "formats/history_image.hpp"

namespace fdr {

class HistoryFile {
 public:
  // Reads what is there, at most `reach` of it, into `history`.
  HistoryFile(std::string directory, const std::string& name, std::uint64_t max_bytes, const HistoryReach& reach, History& history);

  // `rows.columns` are of metrics by their place in `table`. What is not to be kept (a table that is full) is left out.
  void add(HistoryRing ring, HistoryRows rows, const std::vector<HistoryMetric>& table);
  void add(const std::vector<HistoryMovers>& movers);

  const std::string& path() const { return path_; }
  std::uint64_t written_bytes() const { return written_; }
  // Why what was there is not gone on with; empty where it is.
  const std::string& started_anew() const { return started_anew_; }

 private:
  bool open_existing(std::uint64_t max_bytes, const HistoryReach& reach, History& history);
  void make();
  void write(const HistoryWrite& write);
  void take_lock();
  void add_chunk(HistoryRing ring, const std::string& contents);

  std::string directory_, name_, path_, started_anew_;
  FileDescriptor file_;
  HistoryImage image_;
  std::vector<HistoryWrite> before_chunks_;  // head and names that are not on disk yet
  std::uint64_t written_ = 0;
};

}  // namespace fdr
