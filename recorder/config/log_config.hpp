// [[log]]: a log that is followed, and which of its lines count. Data only.
#pragma once

#include <string>

namespace fdr {

enum class LogSource { kFile, kKernel, kJournal };

struct LogConfig {
  std::string name;  // log.NAME
  LogSource from = LogSource::kFile;
  std::string file;     // absolute path, followed by name
  std::string unit;     // of the journal
  std::string pattern;  // lines that count for log.NAME; empty: all
};

}  // namespace fdr
