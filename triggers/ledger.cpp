#include "triggers/ledger.hpp"

#include "formats/json_writer.hpp"

namespace fdr {
namespace {

constexpr std::size_t kDroppedAtOnce = 1'000;  // so that moving the rest is rare

}  // namespace

void Ledger::add(LedgerEntry entry) {
  if (entries_.size() == kMaxEntries) make_room();
  entries_.push_back(std::move(entry));
  ++added_;
}

void Ledger::make_room() {
  const std::size_t counted = dropped_ == 0 ? 0 : 1;  // the entry that says so goes with them and is not one of them
  const std::size_t gone = kDroppedAtOnce + counted;
  dropped_ += gone - counted;
  const Timestamp until = entries_[gone - 1].time;
  entries_.erase(entries_.begin(), entries_.begin() + static_cast<std::ptrdiff_t>(gone));
  entries_.insert(entries_.begin(), LedgerEntry{until, "", "dropped", static_cast<double>(dropped_),
                                                std::to_string(dropped_) + " older entries"});
}

std::string ledger_ndjson(const std::vector<LedgerEntry>& ledger, const ClockAnchor& anchor) {
  std::string text;
  for (const LedgerEntry& entry : ledger) {
    text += json_line([&](JsonWriter& line) {
      line.field("time", utc_text(anchor.realtime_of(entry.time)));
      line.field("monotonic_ns", to_ns(entry.time));
      line.field("rule", entry.rule);
      line.field("event", entry.event);
      line.field("value", entry.value);
      line.field("text", entry.text);
    });
  }
  return text;
}

}  // namespace fdr
