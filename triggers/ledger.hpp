// The ledger's memory: the newest entries, and how many older ones were let go. One thread.
#pragma once

#include <cstdint>
#include <vector>

#include "triggers/engine.hpp"

namespace fdr {

class Ledger {
 public:
  static constexpr std::size_t kMaxEntries = 10'000;

  void add(LedgerEntry entry);
  // Oldest first. Once entries were let go, the first one says how many ("dropped").
  const std::vector<LedgerEntry>& entries() const { return entries_; }
  std::uint64_t added() const { return added_; }  // ever: those let go too

 private:
  void make_room();
  std::vector<LedgerEntry> entries_;
  std::uint64_t dropped_ = 0, added_ = 0;
};

}  // namespace fdr
