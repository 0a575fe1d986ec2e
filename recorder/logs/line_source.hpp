// Where the lines of a [[log]] come from: a file, the kernel, a program. read() gives what has come since the last call, at most
// kPerLook bytes of it, and never waits longer than the file system does: the thread that follows the logs calls it. What goes
// wrong is problem(), and is tried again.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "formats/clock.hpp"
#include "recorder/config/log_config.hpp"

namespace fdr {

inline constexpr std::size_t kPerLook = 256u << 10;

using TakeLine = std::function<void(std::string_view line, std::size_t left_out)>;

class LineSource {
 public:
  virtual ~LineSource() = default;
  virtual void read(Timestamp now, const TakeLine& take) = 0;
  virtual std::string problem() const = 0;          // why nothing comes; empty: it may
  virtual std::string skipped() const { return {}; }  // what was passed over because it came too fast; empty: nothing
};

std::unique_ptr<LineSource> open_log(const LogConfig& log);
// "/var/log/checkout.log", "kernel log", "journal of nginx.service".
std::string log_place(const LogConfig& log);

}  // namespace fdr
