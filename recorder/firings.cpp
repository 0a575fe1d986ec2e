#include "recorder/firings.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "formats/text.hpp"

namespace fdr {

DumpTrigger Firings::trigger_of(const Firing& firing) const {
  return {.name = firing.rule, .when = firing.when, .value_text = firing.value_text, .evidence = firing.evidence + metrics_.explained(firing.when),
          .value = firing.value, .time = firing.time, .after = firing.after.value_or(config_.after)};
}

void Firings::fired(const Firing& firing) {
  DumpTrigger trigger = trigger_of(firing);
  voice_.say(fmt::format("rule '{}' fired: {}", firing.rule, trigger.evidence));
  const Timestamp until = firing.time + trigger.after;
  const bool joins = dump_.takes_more(trigger) || (deferred_ && !deferred_->of_an_end());
  trigger.episode = joins ? episodes_.join(firing, ClockAnchor::now(), until) : episodes_.begin(firing, ClockAnchor::now(), until);
  start(std::move(trigger), "also fired: " + firing.rule);
}

void Firings::over(const EpisodeEnd& end, bool we_end) {
  voice_.say(fmt::format("rule '{}' is over: {}", end.rule, end.evidence));
  auto over = episodes_.ended(end);
  if (!over) return;
  DumpTrigger trigger{.name = end.rule, .when = end.when, .value_text = end.value_text, .evidence = end.evidence, .value = end.value, .time = end.time,
                      .after = {}, .episode = std::move(over->note)};
  const std::string said = "over: " + end.rule + " after " + duration_text(end.time - end.onset);
  if (over->first_is_open) {
    if (dump_.takes_more(trigger)) return dump_.merge(trigger, said);
    if (deferred_ && deferred_->episode.id == trigger.episode.id) return deferred_->merge(trigger, said);
    trigger.episode.stage = "end";
  }
  if (only_one_) return;
  if (we_end && end.time < over->covered_until + config_.after) return;
  start(std::move(trigger), said);
}

void Firings::exited(int wait_status, Timestamp now) {
  const OnExit wanted = config_.on_exit.value_or(OnExit::kNever);
  if (wanted == OnExit::kNever || (wanted == OnExit::kFailure && wait_status == 0)) return;
  DumpTrigger trigger{.name = "exit", .when = wanted == OnExit::kAlways ? "on-exit always" : "on-exit failure", .value_text = {}, .evidence = {},
                      .value = static_cast<double>(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status)), .time = now};
  trigger.value_text = WIFSIGNALED(wait_status) ? fmt::format("signal {} ({})", WTERMSIG(wait_status), ::sigabbrev_np(WTERMSIG(wait_status)))
                                                : fmt::format("exit code {}", WEXITSTATUS(wait_status));
  trigger.evidence = "the target ended with " + trigger.value_text;
  start(trigger, "also: " + trigger.evidence);
}

void Firings::drilled(const Firing& firing) {
  DumpTrigger trigger = trigger_of(firing);
  trigger.drill = true;
  voice_.say(fmt::format("rule '{}' is drilled", firing.rule));
  engine_.note({.time = firing.time, .rule = firing.rule, .event = "drill", .value = firing.value, .text = firing.evidence});
  begin(trigger);
}

void Firings::start(DumpTrigger trigger, const std::string& said) {
  if (winding_up_) trigger.after = {};
  if (dump_.takes_more(trigger)) {
    engine_.note({.time = trigger.time, .rule = trigger.name, .event = "merged", .value = trigger.value, .text = "into the bundle being made"});
    return dump_.merge(trigger, said);
  }
  if (spent()) return engine_.note({.time = trigger.time, .rule = trigger.name, .event = "suppressed", .value = trigger.value, .text = "there is one bundle already"});
  if (!dump_.busy()) return begin(trigger);
  // That one is being written; the window is kept meanwhile.
  if (deferred_ && deferred_->of_an_end() && !trigger.of_an_end()) std::swap(*deferred_, trigger);
  if (deferred_) {
    deferred_->merge(trigger, trigger.of_an_end() ? "over: " + trigger.name : said);
  } else {
    deferred_ = std::move(trigger);
  }
}

void Firings::begin(const DumpTrigger& trigger) {
  try {
    dump_.begin(recording_, trigger);
    begun_ = true;
  } catch (const Error& error) {
    failed_ = true;
    episodes_.written({trigger.episode.id}, "");
    voice_.complain(error);
  }
}

std::optional<FinishedDump> Firings::finished() {
  auto done = dump_.collect();
  if (!done) return done;
  failed_ = failed_ || (done->result.path.empty() && !done->temporary);
  const std::string name = done->result.path.substr(done->result.path.rfind('/') + 1);
  episodes_.written(done->episodes, name);
  if (!deferred_) return done;
  if (deferred_->of_an_end() && std::count(done->episodes.begin(), done->episodes.end(), deferred_->episode.id)) deferred_->episode.onset_bundle = name;
  const DumpTrigger next = std::move(*deferred_);
  deferred_.reset();
  begin(next);
  return done;
}

}  // namespace fdr
