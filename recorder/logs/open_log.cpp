// open_log(): which source a [[log]] has.
#include "recorder/logs/command_lines.hpp"
#include "recorder/logs/file_lines.hpp"
#include "recorder/logs/kernel_lines.hpp"

namespace fdr {

std::unique_ptr<LineSource> open_log(const LogConfig& log) {
  switch (log.from) {
    case LogSource::kFile:
      return std::make_unique<FileLines>(log.file);
    case LogSource::kKernel:
      return std::make_unique<KernelLines>();
    case LogSource::kJournal:
      break;
  }
  return std::make_unique<CommandLines>(
      std::vector<std::string>{"journalctl", "--quiet", "--follow", "--lines=0", "--output=cat", "--unit=" + log.unit},
      "/run/systemd/journal/socket");
}

std::string log_place(const LogConfig& log) {
  return log.from == LogSource::kFile ? log.file : log.from == LogSource::kKernel ? "kernel log" : "journal of " + log.unit;
}

}  // namespace fdr
