#include "recorder/dump/firings.hpp"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <system_error>

#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr unsigned kTries = 4;
constexpr Duration kRetryAfter = std::chrono::seconds(10);
constexpr const char* kAgain = " (it is tried again in 10 s)";

bool of_a_rule(const DumpTrigger& trigger) { return !trigger.episode.id.empty() || !trigger.episodes.empty(); }

}  // namespace

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
    if (dump_.takes_more(trigger)) return merge(trigger, said);
    if (retry_ && retry_->episode.id == trigger.episode.id) return retry_->merge(trigger, said);
    if (deferred_ && deferred_->episode.id == trigger.episode.id) return deferred_->merge(trigger, said);
    trigger.episode.stage = "end";
  }
  if (only_one_) return;
  if (we_end && end.time < over->covered_until + config_.after) return;
  start(std::move(trigger), said);
}

void Firings::exited(std::optional<int> status, Timestamp now) {
  const OnExit wanted = config_.on_exit.value_or(OnExit::kNever);
  const int wait_status = status.value_or(0);
  if (wanted == OnExit::kNever || (wanted == OnExit::kFailure && wait_status == 0)) return;
  DumpTrigger trigger{.name = "exit", .when = wanted == OnExit::kAlways ? "on-exit always" : "on-exit failure", .value_text = {}, .evidence = {},
                      .value = static_cast<double>(WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : WTERMSIG(wait_status)), .time = now};
  trigger.value_text = WIFSIGNALED(wait_status) ? fmt::format("signal {} ({})", WTERMSIG(wait_status), ::sigabbrev_np(WTERMSIG(wait_status)))
                                                : fmt::format("exit code {}", WEXITSTATUS(wait_status));
  if (!status) trigger.value_text = "a status that nobody told";
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
    return merge(trigger, said);
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

void Firings::merge(const DumpTrigger& trigger, const std::string& said) {
  dump_.merge(trigger, said);
  making_.merge(trigger, said);
}

void Firings::begin(const DumpTrigger& trigger) {
  making_ = trigger;
  making_.last_try = making_.tries + 1 >= kTries || winding_up_ || !of_a_rule(making_);
  const auto failed = [&](const char* what, const std::string& hint) {
    const bool again = try_again(what);
    if (!again) episodes_.written({trigger.episode.id}, "");
    voice_.complain(what, again ? hint + kAgain : hint);
  };
  try {
    dump_.begin(recording_, making_);
    begun_ = true;
  } catch (const Error& error) {
    failed(error.what(), error.hint());
  } catch (const std::system_error& error) {
    failed((std::string("no thread to write it: ") + error.what()).c_str(), "raise the limit of processes (pids.max of its group, ulimit -u)");
  } catch (const std::exception& error) {  // no memory
    failed(error.what(), {});
  }
}

// The bundle of a rule's firing that could not be written is tried again while the window still holds what it was about: a disk
// has room again, a directory is writable again. Who asked for one by hand is told, and asks again.
bool Firings::try_again(const std::string& why) {
  failed_ = true;
  problem_ = "the bundle of '" + making_.name + "' could not be written: " + why;
  engine_.note({.time = MonotonicClock::now(), .rule = making_.name, .event = "unwritten", .value = making_.value, .text = printable(why)});
  if (++making_.tries >= kTries || (winding_up_ && making_.last_try) || !of_a_rule(making_)) return false;
  making_.after = {};  // over by then
  if (making_.tries == 1) making_.evidence += "; not written at once: " + why;
  if (retry_) {
    retry_->merge(making_, "also not written: " + making_.name);
  } else {
    retry_ = making_;
    retry_at_ = MonotonicClock::now() + kRetryAfter;
  }
  return true;
}

void Firings::advance(Timestamp now) {
  if (!retry_ || dump_.busy() || (now < retry_at_ && !winding_up_)) return;
  const DumpTrigger next = std::move(*retry_);
  retry_.reset();
  begin(next);
}

std::optional<FinishedDump> Firings::finished() {
  auto done = dump_.collect();
  if (!done) return done;
  const std::string name = done->result.path.substr(done->result.path.rfind('/') + 1);
  const bool again = name.empty() && !done->temporary && try_again(done->result.error);
  if (again) done->result.hint += kAgain;
  else episodes_.written(done->episodes, name);
  if (!name.empty() && !done->temporary) {
    problem_ = done->result.reduced.empty() ? "" : "the last bundle, " + name + ", was " + done->result.reduced;
    failed_ = false;
  }
  if (!deferred_) return done;
  if (deferred_->of_an_end() && std::count(done->episodes.begin(), done->episodes.end(), deferred_->episode.id)) deferred_->episode.onset_bundle = name;
  const DumpTrigger next = std::move(*deferred_);
  deferred_.reset();
  begin(next);
  return done;
}

}  // namespace fdr
