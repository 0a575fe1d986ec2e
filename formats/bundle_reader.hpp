// Opens a bundle directory for reading, as hostile data: regular files only, no links followed, sizes
// bounded, names taken from our own list and never from the bundle. A damaged part is a value with a reason, not an
// end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/manifest.hpp"
#include "formats/modules.hpp"
#include "formats/perfetto_reader.hpp"
#include "formats/timeline.hpp"

namespace fdr {

struct Bundle {
  std::string path;
  Manifest manifest;
  Timeline timeline;
  std::vector<RecordedModule> modules;  // of modules.json
  std::vector<ModuleNaming> naming;     // how their functions were named, by whoever did it: for the reports
  bool partial = false;               // the recorder did not finish it
  std::vector<std::string> problems;  // "trace.pftrace: ends within a packet at byte 12345"
};

// Throws Error where it is no bundle at all (no readable manifest). `*.partial` directories are read and marked as
// such; since the manifest is written last, theirs is put together from the trace where it is missing.
Bundle read_bundle(const std::string& path);

// A bundle inside of a bundle ("baselines/NAME"), reached without following a link. Parts that are larger than a baseline's are
// problems. Its path is for messages. Throws Error as read_bundle() does.
Bundle read_inner_bundle(const std::string& bundle_path, const std::string& part);

// A text part ("system/at/meminfo"), at most `max_bytes` of it; nothing where it is absent or not a regular file.
std::optional<std::string> read_bundle_text(const std::string& bundle_path, const std::string& part,
                                            std::size_t max_bytes = 16u << 20);

}  // namespace fdr
