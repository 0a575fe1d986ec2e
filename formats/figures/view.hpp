// What one report looks at: a recording, its names, and which of its records count. Restricting lives here alone, so
// that every table means the same by "in the window" and "of the targets". References must outlive it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/figures/labels.hpp"
#include "formats/manifest.hpp"

namespace fdr {

// What `fdr show` was asked to leave out.
struct ShowFilter {
  std::optional<std::int32_t> pid, thread;
  std::optional<double> from_s, to_s;  // seconds relative to the trigger, negative before
};

class View {
 public:
  // Without a filter: the window asked for, and the targets where the recording has any.
  View(const Manifest& manifest, const Timeline& timeline, const FrameNames& names, const ShowFilter& filter = {});

  // A moment, and an interval that touches the range.
  bool in_range(Timestamp time) const { return time >= from_ && time <= to_; }
  bool in_range(Timestamp begin, Duration length) const;
  // Of the targets, or of what the filter names.
  bool wants_thread(std::uint32_t thread) const;
  bool wants_process(std::uint32_t process) const;
  // Of any process of the host, unless a filter says otherwise.
  bool passes_filter(std::uint32_t thread) const;

  Timestamp from() const { return from_; }
  Timestamp to() const { return to_; }
  Timestamp fired() const { return fired_; }
  double at(Timestamp time) const;  // seconds from the firing
  std::string utc(Timestamp time) const;
  const ShowFilter& filter() const { return filter_; }

  const Manifest& manifest;
  const Timeline& timeline;
  Labels labels;

 private:
  ShowFilter filter_;
  Timestamp from_, to_, fired_;
  bool has_targets_ = false;
};

// "-1.234 s", "+0.500 s".
std::string relative_text(double seconds);

}  // namespace fdr
