#include "formats/figures/calls.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "formats/duration_sum.hpp"
#include "formats/syscall_names.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// Failures are -1 to -4095, as the kernel's own IS_ERR says.
bool failed(std::int64_t result) { return result < 0 && result >= -4095; }

std::string error_of(std::int64_t result) { return failed(result) ? errno_name(static_cast<int>(-result)) : ""; }

using RowMap = std::map<std::pair<std::uint16_t, SyscallAbi>, SyscallRow>;

void add_summaries(const View& view, RowMap& rows) {
  for (const SyscallSummary& s : view.timeline.summary) {
    if (!view.in_range(s.begin, s.interval) || !view.wants_process(s.process)) continue;
    SyscallRow& row = rows[{s.number, s.abi}];
    row.calls += s.calls;
    row.errors += s.errors;
    add_up(row.wall, s.wall);
    add_up(row.cpu, s.cpu);
    row.max = std::max(row.max, s.max);
  }
}

void add_calls(const View& view, RowMap& rows) {
  for (const SyscallCall& call : view.timeline.syscalls) {
    if (!view.in_range(call.begin, call.wall) || !view.wants_thread(call.thread)) continue;
    SyscallRow& row = rows[{call.number, call.abi}];
    ++row.calls;
    row.errors += failed(call.result);
    add_up(row.wall, call.wall);
    add_up(row.cpu, call.cpu);
    row.max = std::max(row.max, call.wall);
  }
}

}  // namespace

std::string result_text(std::int64_t result) {
  return failed(result) ? "-1 " + errno_name(static_cast<int>(-result)) : std::to_string(result);
}

SyscallTable count_syscalls(const View& view) {
  SyscallTable table;
  RowMap rows;
  table.from_ring = view.filter().thread.has_value() || view.timeline.summary.empty();
  if (table.from_ring)
    add_calls(view, rows);
  else
    add_summaries(view, rows);
  for (auto& [key, row] : rows) {
    row.name = syscall_name(key.first, key.second);
    table.calls += row.calls;
    table.errors += row.errors;
    add_up(table.wall, row.wall);
    add_up(table.cpu, row.cpu);
    table.rows.push_back(std::move(row));
  }
  std::sort(table.rows.begin(), table.rows.end(), [](const SyscallRow& a, const SyscallRow& b) {
    return std::tie(b.cpu, b.wall, a.name) < std::tie(a.cpu, a.wall, b.name);
  });
  return table;
}

std::vector<FailedRow> group_failed(const View& view) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, FailedRow> groups;
  for (const DetailedCall& detail : view.timeline.failed) {
    const SyscallCall& call = detail.call;
    // Failures of the whole host: the culprit is often a bystander.
    if (!view.in_range(call.begin, call.wall) || !view.passes_filter(call.thread)) continue;
    const Thread* thread = thread_at(view.timeline, call.thread);
    const std::string process = view.labels.process_name(thread ? thread->process : kNoIndex);
    const std::string name = syscall_name(call.number, call.abi), error = error_of(call.result);
    const std::string path = printable(detail.subject);
    FailedRow& row = groups[{process, name, error, path}];
    if (row.calls++ == 0) {
      row = {name, error, path, process, 1, call.begin, call.begin, kNoStack};
    }
    row.first = std::min(row.first, call.begin);
    row.last = std::max(row.last, call.begin);
    if (detail.stack != kNoStack) row.stack = detail.stack;
  }
  std::vector<FailedRow> rows;
  for (auto& [key, row] : groups) rows.push_back(std::move(row));
  std::stable_sort(rows.begin(), rows.end(), [](const FailedRow& a, const FailedRow& b) { return a.calls > b.calls; });
  return rows;
}

std::string on_behalf_of(const FailedSum& sum) {
  std::string text;
  for (const std::string& ancestor : sum.ancestors) text += (text.empty() ? "" : " < ") + printable(ancestor);
  return text;
}

std::vector<ErrorRow> count_errors(const View& view) {
  std::map<std::pair<std::uint16_t, int>, std::uint64_t> counts;
  for (const ErrorCount& e : view.timeline.errors)
    if (view.wants_process(e.process)) counts[{e.number, e.error}] += e.count;
  std::vector<ErrorRow> rows;
  for (const auto& [key, count] : counts) rows.push_back({syscall_name(key.first), errno_name(key.second), count});
  std::stable_sort(rows.begin(), rows.end(), [](const ErrorRow& a, const ErrorRow& b) { return a.count > b.count; });
  return rows;
}

}  // namespace fdr
