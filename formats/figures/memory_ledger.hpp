// Where free memory went, second by second: MemFree's change against what the kernel says others took or gave back. It balances:
// what no figure explains is the remainder, and is shown. What a bundle does not hold (older ones have fewer metrics) is
// missing from the sum, so part of the remainder, and named in `missing`. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "formats/figures/view.hpp"

namespace fdr {

struct LedgerAccount {
  const char* key;     // of rows: "anon"
  const char* header;  // of the table
  // Metrics that add up to it; `less` is taken off: page cache counts shared memory too, vmalloc the stacks of the kernel.
  std::vector<const char*> metrics, less;
};

// anon, file, shared, slab, page tables, kernel stacks, per-CPU, vmalloc, huge pages. None overlaps another.
const std::vector<LedgerAccount>& ledger_accounts();

struct Mover {
  std::string name;
  double bytes = 0;
};

struct LedgerRow {
  Timestamp begin;
  double seconds = 0;
  double free = 0;                            // MemFree's change
  std::vector<std::optional<double>> growth;  // of each account
  double remainder = 0;                       // free + remainder + all growth = 0
  std::optional<double> sockets;              // what TCP and UDP hold: lies in slab and in the remainder, so not in the sum
  std::vector<Mover> slabs, movers;           // caches; processes and groups: those that moved most, at most three
};

struct MemoryLedger {
  std::vector<LedgerRow> rows;       // one for each second of the view's range
  LedgerRow all;                     // from the first to the last
  std::vector<std::string> missing;  // accounts without a metric in this bundle
};

// Empty where MemFree was not recorded.
MemoryLedger memory_ledger(const View& view);

}  // namespace fdr
