// Writes one bundle directory: DIR/NAME.partial first, every file 0600 with O_EXCL under an own 0700 directory, no link
// ever followed; finish() writes manifest.json last with the SHA-256 of every file, fsyncs, and renames to the final
// name, so that a bundle under its final name is complete. Destruction without finish() leaves the *.partial, abandon() does
// not; it is locked (flock) as long as its writer lives. It takes no more of the disk than it was allowed. One thread (the dumper).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "formats/error.hpp"
#include "formats/manifest.hpp"
#include "formats/modules.hpp"
#include "formats/perfetto_writer.hpp"
#include "formats/timeline.hpp"

namespace fdr {

// "2026-03-01T12-41-23Z.web1.haproxy.system-cpu": each part made of [A-Za-z0-9._-]{1,32}, anything else becomes '-'.
std::string bundle_name(std::int64_t realtime_ns, std::string_view host, std::string_view target,
                        std::string_view rule);

// The disk is full, a quota or a limit of file size is reached, or the writer was allowed no more: less of a bundle may fit.
class NoRoom : public Error {
 public:
  using Error::Error;
};

class BundleWriter {
 public:
  // Creates `directory` (0700) where missing and DIR/NAME.fdr.partial in it; -2, -3 ... on collision. Throws Error. What would take more
  // than `most_bytes` of the disk, in blocks, is not begun to be written: NoRoom.
  BundleWriter(const std::string& directory, const std::string& name, std::uint64_t most_bytes = UINT64_MAX);
  ~BundleWriter();
  BundleWriter(const BundleWriter&) = delete;
  BundleWriter& operator=(const BundleWriter&) = delete;

  // `path` is relative, of safe parts ("system/at/meminfo"); its directories are made. Throws Error (disk full: the
  // hint says so).
  void add_file(const std::string& path, std::string_view contents);
  void add_trace(const Timeline& timeline, const TraceTrigger& trigger);  // trace.pftrace
  void add_modules(const StackTable& stacks, const std::vector<ModuleSlice>& slices = {});  // modules.json

  // Fills manifest.files, writes manifest.json and renames. Returns the final path. At most once.
  std::string finish(Manifest manifest);
  // It cannot be finished: what was written is taken away, as a full disk has no room for halves. Never throws.
  void abandon();

  std::uint64_t bytes_written() const;
  const std::string& partial_path() const;

 private:
  class Impl;
  Impl* impl_;
};

}  // namespace fdr
