#include "triggers/ledger.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

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
    nlohmann::ordered_json line;
    line["time"] = utc_text(anchor.realtime_of(entry.time));
    line["monotonic_ns"] = to_ns(entry.time);
    line["rule"] = entry.rule;
    line["event"] = entry.event;
    if (std::isfinite(entry.value)) {
      line["value"] = entry.value;
    } else {
      line["value"] = nullptr;
    }
    line["text"] = entry.text;
    // Texts hold names that targets chose: bytes that are not UTF-8 are replaced, never thrown over.
    text += line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  }
  return text;
}

}  // namespace fdr
