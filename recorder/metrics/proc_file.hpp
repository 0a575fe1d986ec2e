// A file of /proc that stays open and is read from its beginning with pread: no path walk per tick, and the identity
// stays: once the process behind it is gone, reading fails (ESRCH) and never gives another process of the same pid.
// Owned by one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/file_descriptor.hpp"

namespace fdr {

class ProcFile {
 public:
  ProcFile() = default;
  explicit ProcFile(const std::string& path);
  ProcFile(const FileDescriptor& directory, const char* name);

  bool is_open() const { return file_.valid(); }
  int error() const { return error_; }  // errno of the last open or read that failed, 0 where none did

  // The content, in `buffer` (kept by the caller, so that it grows once), which is valid until its next use. Nothing where it cannot be read or
  // is larger than 4 MB. A file of one record (stat, meminfo, status) is whole after one read; of one with many (diskstats, net/dev, vmstat) a
  // read gives at most a page, however much room there is (seq_read_iter in fs/seq_file.c), and kOneRead is the first of its pages.
  enum class Reads { kOneRead, kToTheEnd };
  std::optional<std::string_view> read(std::string& buffer, Reads reads = Reads::kOneRead);

 private:
  FileDescriptor file_;
  int error_ = 0;
};

}  // namespace fdr
