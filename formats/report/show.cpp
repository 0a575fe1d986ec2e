// `fdr show`: one part as a table or as JSON rows.
#include <fmt/format.h>

#include "formats/error.hpp"
#include "formats/figures/hot.hpp"
#include "formats/report/parts.hpp"
#include "formats/report/report.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {

const std::vector<Part>& all_parts() {
  static const std::vector<Part> parts = {
      {"timeline",
       timeline_rows,
       kAll,
       {{"at_s", "at", Show::kAt},
        {"kind", "kind"},
        {"process", "process"},
        {"tid", "tid", Show::kNumber},
        {"times", "times", Show::kCount},
        {"text", "what"}},
       5},
      {"stacks", stack_rows, kAll, {}},  // printed as stacks
      {"threads",
       thread_rows,
       kAll,
       {{"thread", "thread"},
        {"tid", "tid", Show::kNumber},
        {"process", "process"},
        {"samples", "samples", Show::kCount},
        {"cpu_percent", "cpu %", Show::kSeconds},
        {"on_cpu_ns", "on cpu", Show::kDuration},
        {"in_syscalls_ns", "in calls", Show::kDuration},
        {"run_queue_ns", "queued", Show::kDuration},
        {"voluntary_switches", "vol", Show::kCount},
        {"involuntary_switches", "invol", Show::kCount}}},
      {"syscalls",
       syscall_rows,
       kAll,
       {{"name", "system call"},
        {"cpu_ns", "cpu", Show::kDuration},
        {"total_ns", "wall", Show::kDuration},
        {"max_ns", "longest", Show::kDuration},
        {"calls", "calls", Show::kCount},
        {"errors", "errors", Show::kCount}}},
      {"calls",
       call_rows,
       kAll,
       {{"name", "system call"},
        {"at_s", "at", Show::kAt},
        {"wall_ns", "wall", Show::kDuration},
        {"cpu_ns", "cpu", Show::kDuration},
        {"result_text", "result"},
        {"thread", "thread"},
        {"tid", "tid", Show::kNumber}}},
      {"slow",
       slow_rows,
       kAll,
       {{"subject", "on"},
        {"name", "system call"},
        {"at_s", "at", Show::kAt},
        {"wall_ns", "wall", Show::kDuration},
        {"cpu_ns", "cpu", Show::kDuration},
        {"result_text", "result"},
        {"thread", "thread"},
        {"tid", "tid", Show::kNumber}}},
      {"failed",
       failed_rows,
       kAll,
       {{"path", "on"},
        {"name", "system call"},
        {"error", "error"},
        {"calls", "calls", Show::kCount},
        {"distinct", "distinct", Show::kCount, kSpare},
        {"process", "process"},
        {"on_behalf_of", "for", Show::kText, kSpare},
        {"first_s", "first", Show::kAt, kSpare},
        {"last_s", "last", Show::kAt, kSpare}}},
      {"errors", error_rows, kByPid, {{"name", "system call"}, {"error", "error"}, {"calls", "calls", Show::kCount}}},
      {"stalls",
       stall_rows,
       kAll,
       {{"place", "at"},
        {"kind", "kind"},
        {"at_s", "began", Show::kAt},
        {"length_ns", "length", Show::kDuration},
        {"run_queue_ns", "queued", Show::kDuration, kSpare},
        {"syscall", "in call"},
        {"thread", "thread", Show::kText, kSpare},
        {"tid", "tid", Show::kNumber}}},
      {"memory",
       memory_rows,
       kByPid,
       {{"place", "brought in by"},
        {"bytes", "holds", Show::kBytes},
        {"known_by", "known by"},
        {"process", "process"},
        {"pid", "pid", Show::kNumber}}},
      {"growth",
       growth_rows,
       kAll,
       {{"place", "brought in by"},
        {"held_bytes", "held", Show::kBytes},
        {"given_back_bytes", "given back", Show::kBytes},
        {"samples", "samples", Show::kCount, kSpare},
        {"kind", "kind"},
        {"region", "region"},
        {"process", "process"},
        {"pid", "pid", Show::kNumber}}},
      {"goroutines",
       goroutine_rows,
       kByPid,
       {{"function", "stands in"},
        {"place", "at"},
        {"count", "goroutines", Show::kCount},
        {"wait", "waits for"},
        {"created_by", "created by"},
        {"process", "process", Show::kText, kSpare},
        {"pid", "pid", Show::kNumber}}},
      {"heap",
       heap_rows,
       kByPid,
       {{"function", "allocated in"},
        {"place", "at"},
        {"grown_text", "grown"},
        {"in_use_text", "in use"},
        {"alloc_since_start_text", "allocated since", Show::kText, kSpare},
        {"alloc_text", "allocated", Show::kText, kSpare},
        {"process", "process"},
        {"pid", "pid", Show::kNumber}}},
      {"sockets",
       socket_rows,
       kByPid,
       {{"local", "local"},
        {"remote", "peer"},
        {"protocol", "over", Show::kText, kSpare},
        {"state", "state"},
        {"recv_q", "unread", Show::kCount},
        {"send_q", "unsent", Show::kCount},
        {"drops", "drops", Show::kCount, kSpare},
        {"rcvbuf", "rcvbuf", Show::kCount, kSpare},
        {"process", "process"},
        {"pid", "pid", Show::kNumber}},
       1},
      {"slab",
       slab_rows,
       kByTime,
       {{"name", "kernel cache"},
        {"bytes", "holds", Show::kBytes},
        {"most", "most", Show::kBytes},
        {"growth", "grew by", Show::kBytes},
        {"given_back", "given back", Show::kBytes}}},
      {"memory-ledger",
       memory_ledger_rows,
       kByTime,
       {{"moved_most", "moved most"},
        {"span", "at"},
        {"free", "free", Show::kBytes},
        {"anon", "anon", Show::kBytes},
        {"file", "file", Show::kBytes, kSpare},
        {"shared", "shared", Show::kBytes, kSpare},
        {"slab", "slab", Show::kBytes},
        {"page_tables", "tables", Show::kBytes, kSpare},
        {"kernel_stacks", "stacks", Show::kBytes, kSpare},
        {"vmalloc", "vmalloc", Show::kBytes, kSpare},
        {"per_cpu", "per CPU", Show::kBytes, kSpare},
        {"huge_pages", "huge", Show::kBytes, kSpare},
        {"remainder", "remainder", Show::kBytes}}},
      {"logs",
       log_rows,
       kByTime,
       {{"template", "line"},
        {"source", "log"},
        {"count", "lines", Show::kCount},
        {"rate_before", "/s before", Show::kSeconds},
        {"rate", "/s since", Show::kSeconds},
        {"first_s", "first", Show::kAt},
        {"last_s", "last", Show::kAt}}},
      {"processes",
       process_rows,
       kByPid | kByTime,
       {{"command", "command"},
        {"process", "process"},
        {"pid", "pid", Show::kNumber},
        {"parent", "parent", Show::kNumber},
        {"target", "target", Show::kText, kSpare},
        {"started_s", "started", Show::kAt},
        {"ended_s", "ended", Show::kAt},
        {"end", "how"}}},
      {"metrics",
       metric_part_rows,
       kByTime,
       {{"name", "metric"},
        {"min_text", "min"},
        {"max_text", "max"},
        {"at_trigger_text", "at trigger"},
        {"sparkline", "over the window"}}},
      {"history",
       history_rows,
       kNone,
       {{"name", "metric"},
        {"last_text", "last"},
        {"mean_1h_text", "mean 1 h"},
        {"mean_24h_text", "mean 24 h"},
        {"least_text", "min"},
        {"greatest_text", "max"},
        {"higher_than_percent", "above %", Show::kSeconds}}},
      {"movers",
       mover_rows,
       kNone,
       {{"process", "process"},
        {"pid", "pid", Show::kNumber},
        {"at_s", "at", Show::kAt},
        {"cpu_percent", "cpu %", Show::kSeconds},
        {"rss_bytes", "resident", Show::kBytes},
        {"io_bytes_s", "disk /s", Show::kBytes},
        {"end", "how"}}},
      {"baselines",
       baseline_rows,
       kNone,
       {{"name", "baseline"},
        {"before", "before"},
        {"seconds", "seconds", Show::kSeconds},
        {"samples", "samples", Show::kCount},
        {"note", "why"}},
       4},
      {"rings",
       ring_rows,
       kNone,
       {{"ring", "ring"},
        {"asked_s", "asked s", Show::kSeconds},
        {"obtained_s", "obtained s", Show::kSeconds},
        {"kept", "kept", Show::kCount},
        {"recorded", "recorded", Show::kCount, kSpare},
        {"overwritten", "overwritten", Show::kCount},
        {"dropped", "dropped", Show::kCount},
        {"missed", "missed", Show::kCount},
        {"torn", "torn", Show::kCount, kSpare}}},
      {"manifest", manifest_rows, kNone, {}},  // printed as JSON
      {"modules",
       module_rows,
       kAll,
       {{"path", "module"},
        {"kind", "kind", Show::kText, kSpare},
        {"samples", "samples", Show::kCount},
        {"complete_percent", "whole %", Show::kSeconds},
        {"frames", "frames", Show::kCount, kSpare},
        {"named", "named", Show::kCount, kSpare},
        {"source", "names from"},
        {"build_id", "build-id", Show::kText, kSpare},
        {"help", "what would help"}},
       8},
      {"ledger",
       ledger_rows,
       kNone,
       {{"at_s", "at", Show::kAt}, {"rule", "rule"}, {"event", "event"}, {"value", "value"}, {"text", "what"}},
       4},
      {"host", host_rows, kNone, {{"fact", "fact"}, {"value", "value"}}, 1},
      {"fds",
       descriptor_rows,
       kByPid,
       {{"what", "open"},
        {"count", "descriptors", Show::kCount},
        {"first", "first", Show::kNumber},
        {"last", "last", Show::kNumber},
        {"kind", "kind"},
        {"process", "process"},
        {"pid", "pid", Show::kNumber}}},
      {"doctor",
       doctor_rows,
       kNone,
       {{"check", "of the host"},
        {"value", "found"},
        {"verdict", "verdict"},
        {"effect", "what it costs"},
        {"remedy", "remedy"}},
       3},
      {"files", file_rows, kNone, {{"path", "file"}, {"sha256", "SHA-256"}}},
  };
  return parts;
}

namespace {

const Part& find_part(std::string_view name) {
  for (const Part& part : all_parts())
    if (name == part.name) return part;
  std::string list;
  for (const std::string& known : show_parts()) list += (list.empty() ? "" : " ") + known;
  const std::string near = nearest_names(name, show_parts(), 1);
  throw Error("no part named '" + printable(name) + "'" + (near.empty() ? "" : "; did you mean " + near + "?"),
              "parts: " + list);
}

// A filter that a part cannot heed is an error: rows of others would pass for those that were asked for.
void check_filter(const Part& part, const ShowFilter& filter) {
  struct Option {
    const char* name;
    bool given;
    unsigned needed;
  };
  std::string heeded;
  const char* refused = nullptr;
  for (const Option& option : {Option{"--pid", filter.pid.has_value(), kByPid}, Option{"--thread", filter.thread.has_value(), kByThread},
                               Option{"--from", filter.from_s.has_value(), kByTime}, Option{"--to", filter.to_s.has_value(), kByTime}}) {
    if (part.filters & option.needed) heeded += (heeded.empty() ? "" : ", ") + std::string(option.name);
    else if (option.given && !refused) refused = option.name;
  }
  if (refused)
    throw Error(fmt::format("{} does not apply to {}", refused, part.name),
                heeded.empty() ? "it is shown whole" : fmt::format("what does: {}", heeded));
}

std::string cell(const Json& row, const Column& column) {
  const auto value = row.find(column.key);
  if (value == row.end() || value->is_null()) return "-";
  switch (column.show) {
    case Show::kText:
      return printable(value->is_string() ? value->get<std::string>() : dump_json_line(*value));
    case Show::kCount:
      return count_text(value->get<std::uint64_t>());
    case Show::kBytes:
      return bytes_text(value->get<double>());
    case Show::kNumber:
      return value->dump();
    case Show::kDuration:
      return duration_text(Duration{value->get<std::int64_t>()});
    case Show::kAt:
      return relative_text(value->get<double>());
    case Show::kSeconds:
      return fmt::format("{:.1f}", value->get<double>());
  }
  return "";
}

std::string table_text(const Part& part, const Json& rows, const ReportStyle& style) {
  std::vector<std::string> headers;
  std::vector<std::size_t> left, spare;
  for (const Column& column : part.columns) {
    if (column.spare) spare.push_back(headers.size());
    if (column.show == Show::kText && std::string_view(column.header) != "min" &&
        std::string_view(column.header) != "max" && std::string_view(column.header) != "at trigger")
      left.push_back(headers.size());
    headers.emplace_back(column.header);
  }
  Table table(std::move(headers), std::move(left), part.flexible, std::move(spare));
  for (const Json& row : rows) {
    std::vector<std::string> cells;
    for (const Column& column : part.columns) cells.push_back(cell(row, column));
    table.row(std::move(cells));
  }
  return table.text(style, SIZE_MAX, 0);
}

std::string stacks_text(const View& view, const ReportStyle& style) {
  const OnCpu hot = count_on_cpu(view);
  std::string out;
  for (const StackCount& count : hot.stacks) {
    out += inked(fmt::format("{} samples, {} of {}", count_text(count.samples),
                             share_text(static_cast<double>(count.samples), static_cast<double>(hot.samples)),
                             count_text(hot.samples)),
                 Ink::kBold, style);
    out += fmt::format("  ({} before the firing, {} after)\n", count_text(count.before), count_text(count.after));
    const std::vector<std::string> lines = view.labels.lines_of(count.example);
    for (auto line = lines.rbegin(); line != lines.rend(); ++line)
      out += "  " + cut(*line, style.columns > 2 ? static_cast<std::size_t>(style.columns) - 2 : 0) + "\n";
    out += "\n";
  }
  if (hot.without_stack > 0) out += fmt::format("{} samples without a stack\n", count_text(hot.without_stack));
  return out;
}

// A file of the bundle by its own name: "system/at/meminfo".
std::optional<std::string> file_of(const Bundle& bundle, std::string_view part) {
  if (bundle.manifest.files.count(std::string(part)) == 0) return std::nullopt;
  auto text = read_bundle_text(bundle.path, std::string(part));
  if (!text) throw Error(printable(part) + ": listed in the manifest, and cannot be read");
  return text;
}

}  // namespace

const std::vector<std::string>& show_parts() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const Part& part : all_parts()) list.emplace_back(part.name);
    return list;
  }();
  return names;
}

std::string show_text(const Bundle& bundle, const FrameNames& names, std::string_view part, const ShowFilter& filter,
                      const ReportStyle& style) {
  if (const auto text = file_of(bundle, part)) return printable_lines(*text);
  const Part& found = find_part(part);
  check_filter(found, filter);
  const View view(bundle.manifest, bundle.timeline, names, filter);
  const PartInput input{bundle, view};
  if (part == "stacks") {
    const std::string text = stacks_text(view, style);
    return text.empty() ? "no samples on CPU in this range\n" : text;
  }
  const Json rows = found.rows(input);
  if (part == "manifest") return printable_lines(dump_json(rows[0]));
  if (rows.empty()) return "none in this range\n";
  return table_text(found, rows, style);
}

std::string show_json(const Bundle& bundle, const FrameNames& names, std::string_view part, const ShowFilter& filter) {
  if (const auto text = file_of(bundle, part)) return dump_json_line(Json(valid_utf8(*text))) + "\n";
  const Part& found = find_part(part);
  check_filter(found, filter);
  const View view(bundle.manifest, bundle.timeline, names, filter);
  const Json rows = found.rows({bundle, view});
  // One row a line: a bundle of a busy minute has a hundred thousand, and grep and diff work on lines.
  std::string out = "[";
  for (std::size_t i = 0; i < rows.size(); ++i) out += (i ? ",\n " : "") + dump_json_line(rows[i]);
  return out + "]\n";
}

}  // namespace fdr
