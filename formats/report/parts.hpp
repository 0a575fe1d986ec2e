// The parts of `fdr show`: each is rows of named values, made once and shown as a table or as JSON, so that both say
// the same.
//
// Row keys are promises: add, never rename. Times are `at_s`, seconds from the firing, and `time`, UTC. Text
// in rows is valid UTF-8 as it came; printable() is applied where a table is made.
#pragma once

#include <string>
#include <vector>

#include "formats/bundle_reader.hpp"
#include "formats/figures/view.hpp"
#include "formats/history.hpp"
#include "formats/json_text.hpp"

namespace fdr {

enum class Show { kText, kCount, kBytes, kDuration, kAt, kSeconds, kNumber };

inline constexpr bool kSpare = true;

struct Column {
  const char* key;
  const char* header;
  Show show = Show::kText;
  bool spare = false;  // left out where a terminal has no room for all, the last first
};

struct PartInput {
  const Bundle& bundle;
  const View& view;
};

// Which of the options --pid, --thread, --from and --to a part heeds.
inline constexpr unsigned kNone = 0, kByPid = 1, kByThread = 2, kByTime = 4, kAll = kByPid | kByThread | kByTime;

struct Part {
  const char* name;
  Json (*rows)(const PartInput&);
  unsigned filters;
  std::vector<Column> columns;  // of the table; not every key needs one
  std::size_t flexible = 0;     // the column that gives way on a narrow terminal
};

const std::vector<Part>& all_parts();

// Of what a bundle holds of several moments ("system/MOMENT/sockets.ndjson": `before` MOMENT `after`), the latest that is not empty: a number that
// grows is nearest to where it ends then. Empty where there is none.
std::string latest_text(const Bundle& bundle, const std::string& before, const std::string& after);

// Of history.fdrh; empty where there is none. Throws Error where it is no history.
History bundle_history(const Bundle& bundle);

// The rows, for the table of parts.
Json stack_rows(const PartInput&);
Json thread_rows(const PartInput&);
Json syscall_rows(const PartInput&);
Json call_rows(const PartInput&);
Json slow_rows(const PartInput&);
Json failed_rows(const PartInput&);
Json error_rows(const PartInput&);
Json stall_rows(const PartInput&);
Json growth_rows(const PartInput&);
Json memory_rows(const PartInput&);
Json goroutine_rows(const PartInput&);
Json heap_rows(const PartInput&);
Json process_rows(const PartInput&);
Json socket_rows(const PartInput&);
Json slab_rows(const PartInput&);
Json memory_ledger_rows(const PartInput&);
Json log_rows(const PartInput&);
Json history_rows(const PartInput&);
Json mover_rows(const PartInput&);
Json baseline_rows(const PartInput&);
Json timeline_rows(const PartInput&);
Json metric_part_rows(const PartInput&);
Json ring_rows(const PartInput&);
Json manifest_rows(const PartInput&);
Json module_rows(const PartInput&);
Json ledger_rows(const PartInput&);
Json host_rows(const PartInput&);
Json descriptor_rows(const PartInput&);
Json doctor_rows(const PartInput&);
Json file_rows(const PartInput&);

}  // namespace fdr
