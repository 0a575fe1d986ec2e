// Rows about system calls and the time threads lost.
#include <algorithm>
#include <map>
#include <tuple>

#include "formats/figures/calls.hpp"
#include "formats/report/parts.hpp"
#include "formats/syscall_names.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

void add_time(Json& row, const View& view, Timestamp time) {
  row["at_s"] = view.at(time);
  row["time"] = view.utc(time);
}

void add_thread(Json& row, const View& view, std::uint32_t index) {
  const Thread* thread = thread_at(view.timeline, index);
  const Process* process = thread ? process_at(view.timeline, thread->process) : nullptr;
  row["process"] = process ? valid_utf8(process->name) : "";
  row["pid"] = process ? process->pid : 0;
  row["thread"] = thread ? valid_utf8(thread->name) : "";
  row["tid"] = thread ? thread->tid : 0;
}

Json stack_json(const View& view, StackId stack) {
  Json names = Json::array();
  for (const FunctionId function : view.labels.functions_of(stack)) names.push_back(view.labels.function(function));
  return names;
}

Json call_json(const View& view, const SyscallCall& call) {
  Json row;
  row["name"] = syscall_name(call.number, call.abi);
  add_time(row, view, call.begin);
  row["wall_ns"] = call.wall.count();
  row["cpu_ns"] = call.cpu.count();
  row["result"] = call.result;
  row["result_text"] = result_text(call.result);
  add_thread(row, view, call.thread);
  return row;
}

Json detailed_json(const View& view, const DetailedCall& detail) {
  Json row = call_json(view, detail.call);
  row["subject"] = valid_utf8(detail.subject);
  row["arguments"] = detail.arguments;
  row["stack"] = stack_json(view, detail.stack);
  return row;
}

}  // namespace

Json syscall_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const SyscallRow& row : count_syscalls(in.view).rows)
    rows.push_back({{"name", row.name},
                    {"calls", row.calls},
                    {"errors", row.errors},
                    {"total_ns", row.wall.count()},
                    {"cpu_ns", row.cpu.count()},
                    {"max_ns", row.max.count()}});
  return rows;
}

Json call_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const SyscallCall& call : in.view.timeline.syscalls) {
    if (!in.view.in_range(call.begin, call.wall) || !in.view.passes_filter(call.thread)) continue;
    rows.push_back(call_json(in.view, call));
    rows.back()["argument"] = call.argument;
    rows.back()["cpu"] = call.cpu_id;
  }
  return rows;
}

Json slow_rows(const PartInput& in) {
  std::vector<const DetailedCall*> calls;
  for (const DetailedCall& detail : in.view.timeline.slow)
    if (in.view.in_range(detail.call.begin, detail.call.wall) && in.view.passes_filter(detail.call.thread))
      calls.push_back(&detail);
  std::stable_sort(calls.begin(), calls.end(),
                   [](const DetailedCall* a, const DetailedCall* b) { return a->call.wall > b->call.wall; });
  Json rows = Json::array();
  for (const DetailedCall* detail : calls) rows.push_back(detailed_json(in.view, *detail));
  return rows;
}

namespace {

// Of the processes of one name that the recording knows, by pid: the newest.
using Executables = std::map<std::pair<std::int32_t, std::string>, std::string>;

Executables executables(const Timeline& timeline) {
  Executables known;
  for (const Process& process : timeline.processes)
    if (!process.executable.empty()) known[{process.pid, process.name}] = valid_utf8(process.executable);
  return known;
}

Json failed_sum_row(const PartInput& in, const FailedSum& sum, const Executables& known) {
  const auto executable = known.find({sum.pid, sum.process});
  return {{"name", syscall_name(sum.number, sum.abi)},
          {"error", errno_name(sum.error)},
          {"path", valid_utf8(sum.example)},
          {"process", valid_utf8(sum.process)},
          {"calls", sum.calls},
          {"directory", valid_utf8(sum.directory)},
          {"distinct", sum.distinct},
          {"pid", sum.pid},
          {"on_behalf_of", on_behalf_of(sum)},
          {"target", sum.of_target},
          {"executable", executable == known.end() ? Json(nullptr) : Json(executable->second)},
          {"first_s", in.view.at(sum.first)},
          {"last_s", in.view.at(sum.last)},
          {"stack", Json::array()}};
}

// A sum without a path says nothing that the single calls do not say, where all of them were kept.
using SingleCalls = std::map<std::tuple<std::string, std::string, std::string>, std::uint64_t>;  // by name, error and process

SingleCalls single_calls(const std::vector<FailedRow>& groups) {
  SingleCalls kept;
  for (const FailedRow& group : groups) kept[{group.name, group.error, group.process}] += group.calls;
  return kept;
}

bool told_by_single_calls(const FailedSum& sum, const SingleCalls& kept) {
  const auto found = kept.find({syscall_name(sum.number, sum.abi), errno_name(sum.error), valid_utf8(sum.process)});
  return (found == kept.end() ? 0 : found->second) >= sum.calls;
}

}  // namespace

// Sums by directory first, then the single calls with their stacks, then what is known as a number only.
Json failed_rows(const PartInput& in) {
  Json rows = Json::array(), numbers = Json::array();
  const std::vector<FailedRow> groups = group_failed(in.view);
  const SingleCalls singles = single_calls(groups);
  const Executables known = executables(in.view.timeline);
  for (const FailedSum& sum : in.view.timeline.failing) {
    const ShowFilter& filter = in.view.filter();
    if (filter.thread || (filter.pid && *filter.pid != sum.pid)) continue;
    if (sum.last < in.view.from() || sum.first > in.view.to()) continue;
    if (!sum.example.empty()) rows.push_back(failed_sum_row(in, sum, known));
    else if (!told_by_single_calls(sum, singles)) numbers.push_back(failed_sum_row(in, sum, known));
  }
  for (const FailedRow& group : groups) {
    Json row = {{"name", group.name},
                {"error", group.error},
                {"path", group.path},
                {"process", group.process},
                {"calls", group.calls}};
    for (const char* known_of_sums : {"directory", "distinct", "pid", "on_behalf_of", "target", "executable"}) row[known_of_sums] = nullptr;
    row["first_s"] = in.view.at(group.first);
    row["last_s"] = in.view.at(group.last);
    row["stack"] = stack_json(in.view, group.stack);
    rows.push_back(std::move(row));
  }
  for (Json& row : numbers) rows.push_back(std::move(row));
  return rows;
}

Json error_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const ErrorRow& row : count_errors(in.view))
    rows.push_back({{"name", row.name}, {"error", row.error}, {"calls", row.count}});
  return rows;
}

Json stall_rows(const PartInput& in) {
  std::vector<const Stall*> stalls;
  for (const Stall& stall : in.view.timeline.stalls)
    if (in.view.in_range(stall.begin, stall.length) && in.view.wants_thread(stall.thread)) stalls.push_back(&stall);
  std::stable_sort(stalls.begin(), stalls.end(), [](const Stall* a, const Stall* b) { return a->length > b->length; });
  Json rows = Json::array();
  for (const Stall* stall : stalls) {
    Json row = {{"kind", stall_kind_name(stall->kind)}};
    add_time(row, in.view, stall->begin);
    row["length_ns"] = stall->length.count();
    row["run_queue_ns"] = stall->run_queue.count();
    row["open"] = stall->open;
    row["syscall"] = stall->syscall < 0 ? "" : syscall_name(static_cast<std::uint16_t>(stall->syscall));
    add_thread(row, in.view, stall->thread);
    row["place"] = in.view.labels.place_of(stall->stack);
    row["stack"] = stack_json(in.view, stall->stack);
    row["walk"] = walk_end_name(stall->end);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace fdr
