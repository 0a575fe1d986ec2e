// The kernel's own log from now on, by /dev/kmsg: a record a read, "PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT\n", and lines of
// " KEY=VALUE" behind it (Documentation/ABI/testing/dev-kmsg). Bytes that do not print come as \xNN. One thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "formats/file_descriptor.hpp"
#include "recorder/logs/line_source.hpp"

namespace fdr {

// The text of a record; nothing where it is none.
std::optional<std::string_view> kernel_text(std::string_view record);

class KernelLines : public LineSource {
 public:
  KernelLines();
  void read(Timestamp now, const TakeLine& take) override;
  std::string problem() const override { return problem_; }
  std::string skipped() const override;

 private:
  void open();

  FileDescriptor device_;
  std::string problem_;
  std::uint64_t overwritten_ = 0;  // times that the kernel's buffer was faster than we
};

}  // namespace fdr
