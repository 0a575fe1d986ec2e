// Rows about stacks, threads, processes and what happened when.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/figures/calls.hpp"
#include "formats/figures/hot.hpp"
#include "formats/figures/logs.hpp"
#include "formats/log_template.hpp"
#include "formats/report/parts.hpp"
#include "formats/syscall_names.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

Json optional_at(const View& view, const std::optional<Timestamp>& time) {
  return time ? Json(view.at(*time)) : Json(nullptr);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return valid_utf8(text);
}

struct Happening {
  Timestamp time;
  std::string kind;
  std::uint32_t thread = kNoIndex;
  std::string text;
  std::uint64_t times = 1;  // a loop that fails the same way is one line
  std::string same = {};    // what makes the next of its kind the same; empty: nothing does
};

std::string life_text(const LifeEvent& event) {
  if (event.kind == LifeKind::kExit) return exit_text(static_cast<int>(event.value));
  return valid_utf8(event.text);
}

std::vector<Happening> happenings(const View& view, const Logs& logs) {
  std::vector<Happening> all;
  const Timeline& timeline = view.timeline;
  bool trigger_seen = false;
  for (const LifeEvent& event : timeline.life) {
    trigger_seen = trigger_seen || event.kind == LifeKind::kTrigger;
    // A mark or a trigger belongs to everybody.
    if (view.in_range(event.time) && (event.thread == kNoIndex || view.passes_filter(event.thread)))
      all.push_back({event.time, life_kind_name(event.kind), event.thread, life_text(event)});
  }
  if (!trigger_seen && view.in_range(view.fired()))
    all.push_back({view.fired(), "trigger", kNoIndex, valid_utf8(view.manifest.trigger.name)});
  for (const Stall& stall : timeline.stalls) {
    if (stall.kind == StallKind::kWait || !view.in_range(stall.begin, stall.length) || !view.wants_thread(stall.thread))
      continue;
    std::string text = fmt::format("{} {}{}", stall_kind_name(stall.kind), duration_text(stall.length),
                                   stall.open ? ", still going on" : "");
    if (stall.syscall >= 0) text += " in " + syscall_name(static_cast<std::uint16_t>(stall.syscall));
    const std::string place = view.labels.place_of(stall.stack);
    if (!place.empty()) text += " at " + place;
    all.push_back({stall.begin, "stall", stall.thread, text});
  }
  for (const DetailedCall& slow : timeline.slow) {
    if (!view.in_range(slow.call.begin, slow.call.wall) || !view.passes_filter(slow.call.thread)) continue;
    all.push_back(
        {slow.call.begin, "slow", slow.call.thread,
         fmt::format("{} {} {} = {}", syscall_name(slow.call.number, slow.call.abi), duration_text(slow.call.wall),
                     valid_utf8(slow.subject), result_text(slow.call.result))});
  }
  for (const DetailedCall& failed : timeline.failed) {
    if (!view.in_range(failed.call.begin, failed.call.wall) || !view.passes_filter(failed.call.thread)) continue;
    all.push_back({failed.call.begin, "failed", failed.call.thread,
                   fmt::format("{} {} = {}", syscall_name(failed.call.number, failed.call.abi),
                               valid_utf8(failed.subject), result_text(failed.call.result))});
  }
  if (!view.filter().pid && !view.filter().thread)  // a log belongs to everybody
    for (const LogEntry& line : logs.lines)
      if (view.in_range(line.time)) all.push_back({line.time, "log", kNoIndex, line.source + ": " + line.text, 1, line.source + ": " + log_template(line.text)});
  std::stable_sort(all.begin(), all.end(), [](const Happening& a, const Happening& b) { return a.time < b.time; });
  std::vector<Happening> merged;
  for (Happening& one : all) {
    if (one.kind == "failed") one.same = one.text;
    const bool again = !merged.empty() && !one.same.empty() && merged.back().kind == one.kind &&
                       merged.back().thread == one.thread && merged.back().same == one.same;
    if (again) {
      ++merged.back().times;
    } else {
      merged.push_back(std::move(one));
    }
  }
  return merged;
}

}  // namespace

Json stack_rows(const PartInput& in) {
  Json rows = Json::array();
  const OnCpu hot = count_on_cpu(in.view);
  for (const StackCount& count : hot.stacks) {
    Json names = Json::array();
    for (const FunctionId function : count.functions) names.push_back(in.view.labels.function(function));
    rows.push_back({{"stack", std::move(names)},
                    {"samples", count.samples},
                    {"kind", "on-cpu"},
                    {"before", count.before},
                    {"after", count.after}});
  }
  // Samples without a stack stay in the sum: a share of the rows is then a share of the time.
  if (hot.without_stack > 0)
    rows.push_back({{"stack", Json::array()}, {"samples", hot.without_stack}, {"kind", "on-cpu"}});
  return rows;
}

Json thread_rows(const PartInput& in) {
  std::map<std::uint32_t, std::uint64_t> samples;
  for (const ThreadCount& count : count_on_cpu(in.view).threads) samples[count.thread] = count.samples;
  std::vector<std::uint32_t> order;
  const Timeline& timeline = in.view.timeline;
  for (std::uint32_t i = 0; i < timeline.threads.size(); ++i)
    if (in.view.wants_thread(i) && !(timeline.threads[i].ended && *timeline.threads[i].ended < in.view.from())) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return std::pair(samples[b], timeline.threads[b].account.on_cpu) <
           std::pair(samples[a], timeline.threads[a].account.on_cpu);
  });
  Json rows = Json::array();
  for (const std::uint32_t index : order) {
    const Thread& thread = timeline.threads[index];
    const Process* process = process_at(timeline, thread.process);
    const ThreadAccount& account = thread.account;
    const double watched = static_cast<double>(account.observed.count());
    rows.push_back({{"thread", valid_utf8(thread.name)},
                    {"tid", thread.tid},
                    {"process", process ? valid_utf8(process->name) : ""},
                    {"pid", process ? process->pid : 0},
                    {"samples", samples[index]},
                    {"cpu_percent", watched > 0 ? 100 * static_cast<double>(account.on_cpu.count()) / watched : 0},
                    {"on_cpu_ns", account.on_cpu.count()},
                    {"in_syscalls_ns", account.in_syscalls.count()},
                    {"run_queue_ns", account.run_queue.count()},
                    {"observed_ns", account.observed.count()},
                    {"voluntary_switches", account.voluntary_switches},
                    {"involuntary_switches", account.involuntary_switches},
                    {"syscalls", account.syscalls},
                    {"started_s", optional_at(in.view, thread.started)},
                    {"ended_s", optional_at(in.view, thread.ended)}});
  }
  return rows;
}

Json process_rows(const PartInput& in) {
  Json rows = Json::array();
  for (const Process& process : in.view.timeline.processes) {
    if (in.view.filter().pid && process.pid != *in.view.filter().pid) continue;
    if (process.ended && *process.ended < in.view.from()) continue;
    if (process.started && *process.started > in.view.to()) continue;
    rows.push_back({{"process", valid_utf8(process.name)},
                    {"pid", process.pid},
                    {"parent", process.parent},
                    {"target", valid_utf8(process.target)},
                    {"started_s", optional_at(in.view, process.started)},
                    {"ended_s", optional_at(in.view, process.ended)},
                    {"end", process.wait_status ? exit_text(*process.wait_status) : ""},
                    {"executable", valid_utf8(process.executable)},
                    {"command", joined(process.command_line)}});
  }
  return rows;
}

Json timeline_rows(const PartInput& in) {
  Json rows = Json::array();
  const bool has_logs = in.bundle.manifest.files.count("logs.ndjson") > 0;
  const Logs logs = has_logs ? read_logs(read_bundle_text(in.bundle.path, "logs.ndjson").value_or("")) : Logs{};
  for (const Happening& happening : happenings(in.view, logs)) {
    const Thread* thread = thread_at(in.view.timeline, happening.thread);
    const Process* process = thread ? process_at(in.view.timeline, thread->process) : nullptr;
    rows.push_back({{"at_s", in.view.at(happening.time)},
                    {"time", in.view.utc(happening.time)},
                    {"kind", happening.kind},
                    {"process", process ? valid_utf8(process->name) : ""},
                    {"pid", process ? process->pid : 0},
                    {"tid", thread ? thread->tid : 0},
                    {"times", happening.times},
                    {"text", happening.text}});
  }
  return rows;
}

}  // namespace fdr
