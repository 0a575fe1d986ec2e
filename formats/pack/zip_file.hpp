// One zip by libarchive, written and read: the only place that names the library.
//
// ZipWriter writes to a descriptor that the caller owns. extract_zip() treats the file as hostile: a member is refused, and with it
// the whole file, unless it is a regular file whose path the caller's rule accepts (so no "..", no absolute path, no link), comes once,
// and stays with all others below the limits, counted while they are inflated. Throws Error with one line of why.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

struct archive;  // libarchive's

namespace fdr {

class ZipWriter {
 public:
  // `time_s`: of every member, seconds of UTC. Throws Error.
  ZipWriter(int fd, std::int64_t time_s);
  ~ZipWriter();
  ZipWriter(const ZipWriter&) = delete;
  ZipWriter& operator=(const ZipWriter&) = delete;

  void add(const std::string& path, std::string_view contents);
  void finish();  // what is written is no zip without it

 private:
  ::archive* archive_;
  std::int64_t time_s_;
};

struct ZipLimits {
  std::size_t max_members = 10'000;
  std::uint64_t max_member_bytes = 1ull << 30;
  std::uint64_t max_bytes = 2ull << 30;
  // Text compresses by 20, deflate at most by 1032: what is beyond both is made to fill a disk.
  std::uint64_t max_ratio = 200;
  std::uint64_t free_bytes = 64u << 20;  // below which the ratio does not matter
};

// `accepts` sees each path before anything is written; files land below `directory_fd`, 0600 in directories of 0700, O_EXCL.
void extract_zip(const std::string& zip_path, int directory_fd, const std::function<bool(std::string_view path)>& accepts,
                 const ZipLimits& limits = {});

}  // namespace fdr
