#include "formats/report/screen.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "formats/figures/calls.hpp"
#include "formats/figures/hot.hpp"
#include "formats/syscall_names.hpp"
#include "formats/table.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

std::size_t line_count(std::string_view text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

std::string who(const View& view) {
  const Manifest& m = view.manifest;
  std::string text = joined(m.target.names, ", ");
  if (text.empty() && !m.target.command.empty()) text = m.target.command.front();
  if (text.empty()) text = "no target";
  text = printable(text);
  if (!m.target.mode.empty()) text += " (" + printable(m.target.mode) + ")";
  for (std::size_t i = 0; i < m.target.pids.size(); ++i) {
    if (i == 4) {
      text += fmt::format(" and {} more", m.target.pids.size() - i);
      break;
    }
    text += fmt::format("{}{}", i == 0 ? ", pid " : " ", m.target.pids[i]);
  }
  if (!m.target.container.empty()) text += ", container " + printable(m.target.container.substr(0, 12));
  const std::string command = printable(joined(m.target.command, " "));
  if (!command.empty() && command != text) text += ": " + command;
  return text;
}

std::string where(const View& view) {
  const Manifest& m = view.manifest;
  std::string text = printable(m.host.name.empty() ? "unknown host" : m.host.name);
  text += ", Linux " + printable(m.host.kernel) + fmt::format(", {} CPUs", m.host.cpus);
  if (m.host.memory_bytes > 0) text += ", " + bytes_text(static_cast<double>(m.host.memory_bytes));
  text += ", fdr " + printable(m.fdr_version);
  if (!m.backend.empty()) text += " " + printable(m.backend);
  return text;
}

std::string since(const View& view, const Onset& onset) {
  const std::string compared = view.timeline.quiet ? "; compared with " + printable(view.timeline.quiet->said) : "";
  if (!onset.known) return "unknown: " + onset.how + compared;
  std::string moment = view.utc(onset.time).substr(11);
  moment = moment.substr(0, moment.size() - 3);  // tenths of a second: no metric is read more often
  return fmt::format("{} ({:+.1f} s): {}{}", moment, view.at(onset.time), onset.how, compared);
}

std::string header(const View& view, const Judgement& judgement, const std::vector<std::string>& problems,
                   const ReportStyle& style) {
  const Manifest& m = view.manifest;
  const std::string value = m.trigger.value_text.empty() ? "" : ": " + printable(m.trigger.value_text);
  std::string moment = utc_text(m.trigger.realtime_ns);
  std::replace(moment.begin(), moment.end(), 'T', ' ');
  moment.back() = ' ';
  moment += "UTC";
  const std::size_t room = style.columns > 60 ? static_cast<std::size_t>(style.columns) - moment.size() - 9 : 0;
  const std::string what = cut(printable(m.trigger.name) + value, room);
  const bool of_a_rule = std::find(m.episode.rules.begin(), m.episode.rules.end(), m.trigger.name) != m.episode.rules.end();
  const char* verb = m.trigger.drill ? "DRILL" : m.episode.stage == "end" && of_a_rule ? "ENDED" : "FIRED";
  std::string out = inked(verb, Ink::kRed, style) + "  " + inked(what, Ink::kBold, style) + "  " + moment + "\n";
  const auto line = [&](const char* label, const std::string& text, std::size_t max_lines) {
    out += wrapped(label, text, style, max_lines);
  };
  // The evidence of a rule begins with the rule.
  if (!m.trigger.when.empty() && !m.trigger.evidence.starts_with(m.trigger.when))
    line("rule   ", printable(m.trigger.when), 1);
  if (!m.trigger.evidence.empty()) line("why    ", printable(m.trigger.evidence), 2);
  if (!m.episode.onset_bundle.empty()) line("first  ", printable(m.episode.onset_bundle), 1);
  line("since  ", since(view, judgement.onset), 2);
  line("who    ", who(view), 1);
  line("where  ", where(view), 1);
  line("window ",
       fmt::format("{:.1f} s before and {:.1f} s after; {}", m.window.before_s, m.window.after_s, obtained_text(m)), 1);
  line("sure   ", completeness_text(m), 1);
  const auto losses = loss_sentences(m, problems);
  if (losses.empty()) {
    line("lost   ", "nothing that is known", 1);
  } else {
    const std::string more = losses.size() > 1 ? fmt::format(" ({} more below)", losses.size() - 1) : "";
    const std::size_t left = style.columns > 40 ? static_cast<std::size_t>(style.columns) - 7 - more.size() : 0;
    out += inked(wrapped("lost   ", cut(losses.front(), left) + more, style, 1), Ink::kYellow, style);
  }
  return out;
}

// "memcpy < copy_out < reply": what ran, and who called it, as far as the width allows; callers one knows already are
// left out.
std::string with_callers(const View& view, const FunctionCount& count, std::size_t width) {
  std::string text = view.labels.function(count.function);
  for (std::size_t i = count.heaviest.size(); i-- > 1;) {
    const std::string& caller = view.labels.function(count.heaviest[i - 1]);
    if (display_width(text) + 3 + display_width(caller) > width) break;
    text += " < " + caller;
  }
  return text;
}

Table function_table(const View& view, const OnCpu& hot, const ReportStyle& style) {
  const double whole = static_cast<double>(hot.samples);
  std::string title = fmt::format("ON CPU {} samples", count_text(hot.samples));
  if (hot.samples > 0) title += ", kernel " + share_text(static_cast<double>(hot.kernel), whole);
  if (hot.before_s > 0.5 && hot.after_s > 0.5) {
    const double before = static_cast<double>(hot.before) / hot.before_s,
                 after = static_cast<double>(hot.after) / hot.after_s;
    // Only where it says something: the firing changed how much ran.
    if (std::max(before, after) > 1.2 * std::min(before, after))
      title += fmt::format(", {:.0f}/s then {:.0f}/s", before, after);
  }
  Table table({title, "self", "", "total"});
  const std::size_t width = style.columns > 40 ? static_cast<std::size_t>(style.columns) - 29 : 200;
  for (const FunctionCount& count : hot.functions) {
    if (count.self == 0) continue;
    table.row({with_callers(view, count, width), count_text(count.self),
               share_text(static_cast<double>(count.self), whole),
               share_text(static_cast<double>(count.total), whole)});
  }
  return table;
}

Table syscall_table(const SyscallTable& calls) {
  Table table({fmt::format("SYSTEM CALLS {}{}", count_text(calls.calls), calls.from_ring ? " kept" : ""), "% cpu",
               "cpu", "wall", "longest", "calls", "errors"});
  for (const SyscallRow& row : calls.rows)
    table.row({row.name, share_text(static_cast<double>(row.cpu.count()), static_cast<double>(calls.cpu.count())),
               duration_text(row.cpu), duration_text(row.wall), duration_text(row.max), count_text(row.calls),
               row.errors ? count_text(row.errors) : ""});
  return table;
}

std::vector<const Stall*> longest_stalls(const View& view) {
  std::vector<const Stall*> stalls;
  for (const Stall& stall : view.timeline.stalls)
    if (stall.kind != StallKind::kWait && view.in_range(stall.begin, stall.length) && view.wants_thread(stall.thread))
      stalls.push_back(&stall);
  std::stable_sort(stalls.begin(), stalls.end(), [](const Stall* a, const Stall* b) { return a->length > b->length; });
  return stalls;
}

Table stall_table(const View& view, const std::vector<const Stall*>& stalls, const ReportStyle& style) {
  const std::size_t width = style.columns > 40 ? static_cast<std::size_t>(style.columns) - 24 : 200;
  Table table({fmt::format("STALLS {}, longest first", count_text(stalls.size())), "length", "began"});
  for (const Stall* stall : stalls) {
    std::string text = fmt::format("{}: {}", view.labels.thread(stall->thread), stall_kind_name(stall->kind));
    if (stall->syscall >= 0) text += " in " + syscall_name(static_cast<std::uint16_t>(stall->syscall));
    const std::string place = view.labels.place_of(stall->stack);
    if (!place.empty() && display_width(text) + 4 + display_width(place) <= width) text += " at " + place;
    table.row({text, duration_text(stall->length) + (stall->open ? "+" : ""), relative_text(view.at(stall->begin))});
  }
  return table;
}

// "steal: 0.0 % of all CPUs": a theory's short name and the figure that disproves it best.
std::string disproof(const Finding& finding) {
  return finding.id + ": " + finding.evidence.substr(0, finding.evidence.find("; "));
}

std::string ruled_out_text(const Findings& findings, const ReportStyle& style, std::size_t max_lines) {
  std::string text;
  for (const Finding& finding : findings)
    if (finding.verdict == Verdict::kAgainst) text += (text.empty() ? "" : "; ") + disproof(finding);
  if (text.empty()) text = "nothing that could be measured";
  const std::string all = wrapped("RULED OUT  ", text, style, max_lines);
  return inked(all.substr(0, 9), Ink::kBold, style) + all.substr(9);
}

// At most `room` lines: the first findings with their evidence, the rest by title.
std::string findings_text(const Findings& findings, const ReportStyle& style, std::size_t room) {
  std::vector<const Finding*> accused;
  for (const Finding& finding : findings)
    if (finding.verdict == Verdict::kFor) accused.push_back(&finding);
  const std::string heading = inked("FINDINGS", Ink::kBold, style);
  if (room == 0) return "";
  if (accused.empty()) return heading + "  none: nothing measured here stands out\n";
  --room;
  // The first three with their evidence; the others are named on one line.
  std::size_t shown = std::min<std::size_t>({accused.size(), 3, room / 2});
  const bool rest = shown < accused.size();
  if (rest && shown * 2 == room && shown > 0) --shown;
  std::size_t spare = room - 2 * shown - (rest ? 1 : 0);
  std::string out = heading + fmt::format("  {} of {} theories speak for something\n", accused.size(), findings.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Finding& finding = *accused[i];
    const std::string label = fmt::format(" {}. ", i + 1);
    std::string title = finding.title;
    const std::string more = finding.more.empty() ? "" : "  > " + finding.more;
    const std::size_t columns = style.columns > 0 ? static_cast<std::size_t>(style.columns) : 1000;
    const bool beside = display_width(label + title + more) <= columns;
    out += label + inked(cut(title, columns - label.size()), Ink::kBold, style) + (beside ? inked(more, Ink::kFaint, style) : "") + "\n";
    const std::size_t wish = i == 0 ? 3 : 2;  // lines of evidence
    const std::size_t lines = 1 + std::min(spare, wish - 1);
    const std::string evidence = wrapped("    ", finding.evidence, style, lines);
    spare -= line_count(evidence) - 1;
    out += evidence;
    if (!beside && spare > 0) out += inked("    > " + cut(finding.more, columns - 6), Ink::kFaint, style) + "\n", --spare;
  }
  if (!rest) return out;
  std::string names;
  for (std::size_t i = shown; i < accused.size(); ++i) names += (names.empty() ? "" : "; ") + accused[i]->title;
  return out + wrapped(" also: ", names, style, 1 + spare);
}

}  // namespace

std::string obtained_text(const Manifest& manifest) {
  double most = 0;
  for (const auto& [name, ring] : manifest.rings) most = std::max(most, ring.obtained_s);
  if (manifest.rings.empty()) return "what was obtained is unknown";
  std::vector<std::string> shorter;
  for (const auto& [name, ring] : manifest.rings)
    if (ring.asked_s > 0 && ring.obtained_s < 0.95 * std::min(most, ring.asked_s))
      shorter.push_back(printable(name) + fmt::format(" {:.1f} s", ring.obtained_s));
  if (shorter.empty()) return fmt::format("obtained {:.1f} s in every ring", most);
  return fmt::format("obtained {:.1f} s, but of {}", most, joined(shorter, ", "));
}

std::string completeness_text(const Manifest& manifest) {
  const StackReport& stacks = manifest.stacks;
  if (stacks.samples == 0) return "no stack samples: the targets did not run on a CPU, or were not sampled";
  const double whole = static_cast<double>(stacks.samples);
  std::string text = fmt::format("{} of {} stack samples complete",
                                 share_text(static_cast<double>(stacks.complete), whole), count_text(stacks.samples));
  std::vector<std::pair<std::uint64_t, std::string>> reasons;
  for (const auto& [reason, samples] : stacks.reasons)
    if (reason != walk_end_name(WalkEnd::kRoot) && samples > 0) reasons.emplace_back(samples, printable(reason));
  std::sort(reasons.rbegin(), reasons.rend());
  for (std::size_t i = 0; i < reasons.size() && i < 2; ++i)
    text += fmt::format("{}{} {}", i == 0 ? "; " : ", ", reasons[i].second,
                        share_text(static_cast<double>(reasons[i].first), whole));
  return text;
}

std::vector<std::string> loss_sentences(const Manifest& manifest, const std::vector<std::string>& problems) {
  std::vector<std::string> sentences;
  for (const std::string& problem : problems) sentences.push_back(printable(problem));
  for (const std::string& loss : manifest.losses) sentences.push_back(printable(loss));
  for (const auto& [name, ring] : manifest.rings) {
    if (ring.missed > 0)
      sentences.push_back(name == "stacks" ? fmt::format("{} clock ticks missed on all CPUs (another BPF program was running)", ring.missed)
                                           : fmt::format("{}: {} events missed", printable(name), ring.missed));
    if (ring.dropped > 0) sentences.push_back(fmt::format("{}: {} records not kept: no room, or more at a time than leaves the ring its span", printable(name), ring.dropped));
    if (ring.torn > 0) sentences.push_back(fmt::format("{}: {} pieces overtaken while being read", printable(name), ring.torn));
  }
  return sentences;
}

std::string overview(const View& view, const ReportStyle& style, std::size_t functions, std::size_t calls,
                     std::size_t stalls) {
  std::string out;
  if (functions > 0) out += function_table(view, count_on_cpu(view), style).text(style, functions);
  if (calls > 0) out += syscall_table(count_syscalls(view)).text(style, calls);
  if (stalls > 0) out += stall_table(view, longest_stalls(view), style).text(style, stalls);
  return out;
}

std::string first_screen(const View& view, const Judgement& judgement, const std::vector<std::string>& problems,
                         const ReportStyle& style) {
  std::string out = header(view, judgement, problems, style) + "\n";
  const std::size_t used = line_count(out);
  const std::size_t room = kScreenLines > used ? kScreenLines - used : 0;
  const bool accused = std::any_of(judgement.findings.begin(), judgement.findings.end(),
                                   [](const Finding& f) { return f.verdict == Verdict::kFor; });
  const std::string ruled_out = ruled_out_text(judgement.findings, style, accused ? 4 : 5);
  const std::size_t last = line_count(ruled_out);
  out += findings_text(judgement.findings, style, room > last ? room - last : 0);
  const std::size_t left = kScreenLines - std::min(kScreenLines, line_count(out) + last);
  if (left >= 3) out += overview(view, style, left - 1, 0, 0);
  return out + ruled_out;
}

}  // namespace fdr
