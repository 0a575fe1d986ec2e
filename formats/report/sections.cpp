#include "formats/report/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/duration_sum.hpp"
#include "formats/error.hpp"
#include "formats/figures/calls.hpp"
#include "formats/figures/hot.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/history_image.hpp"
#include "formats/report/go_section.hpp"
#include "formats/report/log_section.hpp"
#include "formats/report/past_section.hpp"
#include "formats/report/screen.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kStackHead = 24, kStackTail = 4;  // lines of a deep stack: innermost, outermost

// "table" and, where there is more, the command for the rest.
std::string limited(const SectionInput& in, const Table& table, std::size_t rows, const char* part) {
  if (table.empty()) return "";
  std::string out = "\n" + table.text(in.style, rows);
  if (table.size() > rows)
    out += inked(fmt::format("  .. {} more: fdr show {} {}", count_text(table.size() - rows), printable(in.bundle_path),
                             part),
                 Ink::kFaint, in.style) +
           "\n";
  return out;
}

std::string findings(const SectionInput& in) {
  std::string out;
  for (const Verdict verdict : {Verdict::kFor, Verdict::kAgainst, Verdict::kNotMeasurable}) {
    std::string part;
    for (const Finding& finding : in.judgement.findings) {
      if (finding.verdict != verdict) continue;
      if (verdict == Verdict::kFor) {
        part += wrapped(fmt::format("  {:.2f} ", finding.score), finding.title, in.style);
        part += wrapped("       ", finding.evidence, in.style);
        if (!finding.more.empty()) part += inked("       > " + finding.more, Ink::kFaint, in.style) + "\n";
      } else {
        part += wrapped("  ", finding.title + ": " + finding.evidence, in.style);
      }
    }
    if (part.empty()) continue;
    out += "\n" + inked(verdict == Verdict::kFor ? "FINDINGS" : verdict == Verdict::kAgainst ? "RULED OUT" : "NOT MEASURABLE HERE",
                        Ink::kBold, in.style) + "\n" + part;
  }
  return out;
}

std::string tables(const SectionInput& in) { return "\n" + overview(in.view, in.style, 8, 6, 5); }

std::string losses(const SectionInput& in) {
  std::string out;
  for (const std::string& sentence : loss_sentences(in.view.manifest, in.problems))
    out += wrapped("  ", sentence, in.style);
  return out.empty() ? "" : "\n" + inked("LOST OR MISSING", Ink::kBold, in.style) + "\n" + out;
}

std::string stacks(const SectionInput& in) {
  const OnCpu hot = count_on_cpu(in.view);
  std::string out = "\n" + inked("HOTTEST STACKS, innermost function first", Ink::kBold, in.style) + "\n";
  if (hot.samples == 0)
    return out +
           "  no samples: in this window the targets did not run on a CPU when the clock ticked (idle, or waiting: see "
           "the stalls)\n";
  const std::size_t width = in.style.columns > 10 ? static_cast<std::size_t>(in.style.columns) - 6 : 0;
  for (std::size_t i = 0; i < hot.stacks.size() && i < 5; ++i) {
    const StackCount& count = hot.stacks[i];
    out += fmt::format("  {} samples, {}: {} before the firing, {} after\n", count_text(count.samples),
                       share_text(static_cast<double>(count.samples), static_cast<double>(hot.samples)),
                       count_text(count.before), count_text(count.after));
    const std::vector<std::string> lines = in.view.labels.lines_of(count.example);
    for (std::size_t depth = 0; depth < lines.size(); ++depth) {
      if (lines.size() > kStackHead + kStackTail && depth == kStackHead) {
        out += fmt::format("      .. {} frames ..\n", lines.size() - kStackHead - kStackTail);
        depth = lines.size() - kStackTail;
      }
      out += "      " + cut(lines[lines.size() - 1 - depth], width) + "\n";
    }
  }
  if (hot.stacks.size() > 5)
    out += inked(fmt::format("  .. {} more: fdr show {} stacks", count_text(hot.stacks.size() - 5),
                             printable(in.bundle_path)),
                 Ink::kFaint, in.style) +
           "\n";
  if (hot.without_stack > 0) out += fmt::format("  {} samples have no stack\n", count_text(hot.without_stack));
  return out;
}

std::string functions(const SectionInput& in) {
  const OnCpu hot = count_on_cpu(in.view);
  if (hot.samples == 0) return "";
  std::vector<FunctionCount> by_total = hot.functions;
  std::stable_sort(by_total.begin(), by_total.end(), [](const auto& a, const auto& b) { return a.total > b.total; });
  Table table({"FUNCTIONS, with what they call", "total", "", "self", "= before", "+ after"});
  for (const FunctionCount& count : by_total)
    table.row({in.view.labels.function(count.function), count_text(count.total),
               share_text(static_cast<double>(count.total), static_cast<double>(hot.samples)), count_text(count.self),
               count_text(count.before), count_text(count.after)});
  return limited(in, table, 15, "stacks");
}

std::string threads(const SectionInput& in) {
  const OnCpu hot = count_on_cpu(in.view);
  std::string out;
  Table table({"THREADS", "samples", "", "cpu", "queued", "in calls", "vol", "invol"});
  for (const ThreadCount& count : hot.threads) {
    const Thread* thread = thread_at(in.view.timeline, count.thread);
    const ThreadAccount account = thread ? thread->account : ThreadAccount{};
    const double watched = static_cast<double>(account.observed.count());
    table.row({in.view.labels.thread(count.thread), count_text(count.samples),
               share_text(static_cast<double>(count.samples), static_cast<double>(hot.samples)),
               share_text(static_cast<double>(account.on_cpu.count()), watched),
               share_text(static_cast<double>(account.run_queue.count()), watched),
               share_text(static_cast<double>(account.in_syscalls.count()), watched),
               count_text(account.voluntary_switches), count_text(account.involuntary_switches)});
  }
  out += limited(in, table, 10, "threads");
  if (hot.processes.size() > 1) {
    std::uint64_t all = 0;
    for (const auto& [process, samples] : hot.processes) all += samples;
    Table processes({"PROCESSES ON CPU, bystanders included", "samples", ""});
    for (const auto& [process, samples] : hot.processes) {
      const std::string name = in.view.labels.process(process);
      processes.row({name.empty() ? "(not known)" : name, count_text(samples),
                     share_text(static_cast<double>(samples), static_cast<double>(all))});
    }
    out += limited(in, processes, 10, "processes");
  }
  return out;
}

std::string syscalls(const SectionInput& in) {
  const SyscallTable calls = count_syscalls(in.view);
  Table table({"SYSTEM CALLS", "% cpu", "cpu", "wall", "per call", "longest", "calls", "errors"});
  for (const SyscallRow& row : calls.rows)
    table.row({row.name, share_text(static_cast<double>(row.cpu.count()), static_cast<double>(calls.cpu.count())),
               duration_text(row.cpu), duration_text(row.wall),
               row.calls ? duration_text(row.wall / static_cast<std::int64_t>(row.calls)) : "-", duration_text(row.max),
               count_text(row.calls), row.errors ? count_text(row.errors) : ""});
  if (table.empty())
    return "\n" + inked("SYSTEM CALLS", Ink::kBold, in.style) + "\n  none was made in this window, or none recorded\n";
  Table errors({"ERRORS, since the recording began", "error", "count"}, {1});
  for (const ErrorRow& row : count_errors(in.view)) errors.row({row.name, row.error, count_text(row.count)});
  return limited(in, table, 20, "syscalls") + limited(in, errors, 10, "errors");
}

std::string slow_calls(const SectionInput& in) {
  std::vector<const DetailedCall*> calls;
  for (const DetailedCall& detail : in.view.timeline.slow)
    if (in.view.in_range(detail.call.begin, detail.call.wall)) calls.push_back(&detail);
  std::stable_sort(calls.begin(), calls.end(),
                   [](const auto* a, const auto* b) { return a->call.wall > b->call.wall; });
  Table table({"SLOW CALLS", "wall", "cpu", "began", "result", "thread"}, {5});
  for (const DetailedCall* detail : calls)
    table.row({syscall_name(detail->call.number, detail->call.abi) + " " + printable(detail->subject),
               duration_text(detail->call.wall), duration_text(detail->call.cpu),
               relative_text(in.view.at(detail->call.begin)), result_text(detail->call.result),
               in.view.labels.thread(detail->call.thread)});
  return limited(in, table, 10, "slow");
}

std::string failed_calls(const SectionInput& in) {
  Table table({"FAILED CALLS", "error", "calls", "by"}, {1, 3});
  for (const FailedRow& row : group_failed(in.view))
    table.row({row.name + " " + row.path, row.error, count_text(row.calls), row.process});
  return limited(in, table, 10, "failed");
}

// Sums of what others asked for in vain: the culprit is often a bystander.
std::string failed_elsewhere(const SectionInput& in) {
  Table table({"FAILED CALLS OF OTHER PROGRAMS, IN", "error", "calls", "distinct", "by"}, {1, 4});
  for (const FailedSum& sum : in.view.timeline.failing)
    if (!sum.of_target && sum.last >= in.view.from())
      table.row({syscall_name(sum.number, sum.abi) + " " + printable(sum.directory), errno_name(sum.error), count_text(sum.calls), sum.distinct ? count_text(sum.distinct) : "-",
                 printable(sum.process)});
  return limited(in, table, 6, "failed");
}

struct StallSum {
  std::uint64_t count = 0;
  Duration total{}, longest{};
  const Stall* example = nullptr;
};

std::string stalls(const SectionInput& in) {
  std::array<StallSum, static_cast<std::size_t>(StallKind::kCount)> sums;
  for (const Stall& stall : in.view.timeline.stalls) {
    const auto kind = static_cast<std::size_t>(stall.kind);
    if (kind >= sums.size() || !in.view.in_range(stall.begin, stall.length) || !in.view.wants_thread(stall.thread))
      continue;
    StallSum& sum = sums[kind];
    ++sum.count;
    add_up(sum.total, stall.length);
    if (sum.example && stall.length <= sum.longest) continue;
    sum.longest = stall.length;
    sum.example = &stall;
  }
  Table table({"STALLS BY KIND", "count", "together", "longest", "the longest was"}, {4});
  for (std::size_t kind = 0; kind < sums.size(); ++kind) {
    const StallSum& sum = sums[kind];
    if (sum.count == 0) continue;
    std::string longest = in.view.labels.thread(sum.example->thread);
    if (sum.example->syscall >= 0) longest += " in " + syscall_name(static_cast<std::uint16_t>(sum.example->syscall));
    table.row({stall_kind_name(static_cast<StallKind>(kind)), count_text(sum.count), duration_text(sum.total),
               duration_text(sum.longest), longest});
  }
  return limited(in, table, sums.size(), "stalls");
}

std::string processes(const SectionInput& in) {
  Table table({"PROCESSES STARTED OR ENDED", "pid", "parent", "started", "ended", "how"}, {5});
  for (const Process& process : in.view.timeline.processes) {
    const bool started = process.started && in.view.in_range(*process.started);
    const bool ended = process.ended && in.view.in_range(*process.ended);
    if (!started && !ended) continue;
    std::string name = printable(process.name);
    for (const std::string& word : process.command_line)
      name += (&word == process.command_line.data() ? ": " : " ") + printable(word);
    table.row({name, std::to_string(process.pid), std::to_string(process.parent),
               started ? relative_text(in.view.at(*process.started)) : "-",
               ended ? relative_text(in.view.at(*process.ended)) : "-",
               process.wait_status ? exit_text(*process.wait_status) : ""});
  }
  return limited(in, table, 15, "processes");
}

std::string metrics(const SectionInput& in) {
  const auto rows = metric_rows(in.view);
  if (rows.empty()) return "";
  Timestamp from = Timestamp::max(), to = Timestamp::min();
  for (const MetricRow& row : rows)
    from = std::min(from, row.points.front().first), to = std::max(to, row.points.back().first);
  const std::size_t width = in.style.columns >= 120 ? 60 : 16;
  // The caret under the line is the firing.
  std::string marks(width, ' ');
  const double place = to > from ? to_seconds(in.view.fired() - from) / to_seconds(to - from) : 0;
  if (place >= 0 && place <= 1)
    marks[std::min(width - 1, static_cast<std::size_t>(place * static_cast<double>(width)))] = 'v';
  Table table({"METRICS (v: fired)", "min", "max", "at firing", marks}, {4});
  for (const MetricRow& row : rows) {
    if (row.change == 0 && !row.in_rule) continue;
    table.row({printable(row.series->name), metric_text(row.min, *row.series), metric_text(row.max, *row.series),
               metric_text(row.at_firing, *row.series), sparkline(row, from, to, width)});
  }
  return limited(in, table, 14, "metrics");
}

std::string rings(const SectionInput& in) {
  Table table({"RINGS", "asked", "obtained", "kept", "overwritten", "dropped", "missed", "torn"});
  for (const auto& [name, ring] : in.view.manifest.rings)
    table.row({printable(name), fmt::format("{:.1f} s", ring.asked_s), fmt::format("{:.1f} s", ring.obtained_s),
               count_text(ring.kept), count_text(ring.overwritten), count_text(ring.dropped), count_text(ring.missed),
               count_text(ring.torn)});
  std::string out = limited(in, table, SIZE_MAX, "rings");
  const Manifest::Cost& cost = in.view.manifest.cost;
  if (cost.window_bytes > 0 || cost.dump_seconds > 0)
    out += wrapped("  ",
                   fmt::format("the recorder itself: {:.2f} s of CPU, {} resident, {} of window, {:.2f} s for the dump",
                               cost.cpu_seconds, bytes_text(static_cast<double>(cost.rss_bytes)),
                               bytes_text(static_cast<double>(cost.window_bytes)), cost.dump_seconds),
                   in.style);
  return out;
}

std::string unnamed(const SectionInput& in) {
  if (in.module_notes.empty()) return "";
  std::string out = "\n" + inked("NAMES OF FUNCTIONS, and what would help", Ink::kBold, in.style) + "\n";
  for (const std::string& note : in.module_notes) out += wrapped("  ", printable(note), in.style);
  return out;
}

std::string go(const SectionInput& in) { return go_section(in.bundle_path, in.view.manifest, in.style); }

std::string logs(const SectionInput& in) {
  const std::optional<std::string> text = in.text ? in.text("logs.ndjson") : std::nullopt;
  if (!text) return "";
  const Onset& onset = in.judgement.onset;
  const Timestamp begin = onset.known ? std::clamp(onset.time, in.view.from(), in.view.to()) : in.view.from();
  return log_section(read_logs(*text), {in.view.from(), begin, in.view.to()}, in.bundle_path, in.style);
}

// A redacted bundle has no history, a damaged one says nothing of the past.
std::string past(const SectionInput& in) {
  const std::optional<std::string> bytes = in.text ? in.text("history.fdrh") : std::nullopt;
  if (!bytes) return "";
  try {
    return past_section(read_history({reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()}), in.view.manifest.trigger.when, in.bundle_path, in.style);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

std::string all_sections(const SectionInput& input) {
  std::string out;
  for (const auto section : {findings, tables, losses, stacks, functions, threads, syscalls, slow_calls, failed_calls, failed_elsewhere, stalls, processes, logs, go,
                             metrics, past, rings, unnamed})
    out += section(input);
  return out;
}

}  // namespace fdr
