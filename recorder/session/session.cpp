#include "recorder/session/session.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "formats/text.hpp"
#include "recorder/baselines/baseline_keeper.hpp"
#include "recorder/config_file/config_file.hpp"
#include "recorder/config_file/config_reload.hpp"
#include "recorder/control/control.hpp"
#include "recorder/control/host_checks.hpp"
#include "recorder/control/status_json.hpp"
#include "recorder/control/supervisor.hpp"
#include "recorder/dump/dump_control.hpp"
#include "recorder/dump/firings.hpp"
#include "recorder/heartbeats/beat_socket.hpp"
#include "recorder/heartbeats/probes.hpp"
#include "recorder/heartbeats/send_beats.hpp"
#include "recorder/history/history_keeper.hpp"
#include "recorder/recording/metric_reader.hpp"
#include "recorder/recording/recording.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/survival/claim.hpp"
#include "recorder/survival/slice_keeper.hpp"
#include "recorder/survival/state_keeper.hpp"
#include "recorder/system/open_files.hpp"
#include "recorder/system/own_privileges.hpp"
#include "recorder/system/raised_tick.hpp"
#include "recorder/targets/proc_reader.hpp"
#include "recorder/targets/target_finder.hpp"
#include "recorder/targets/task_files.hpp"
#include "recorder/watched/watched.hpp"
#include "recorder/window/host_size.hpp"
#include "triggers/engine.hpp"
#include "unwind/debug_file.hpp"

namespace fdr {
namespace {

std::string default_name(const SessionOptions& options) {
  if (!options.config.name.empty()) return options.config.name;
  return options.config.targets.empty() ? options.mode : options.config.targets.front().name.substr(0, 28);  // a number may be added
}

// To be read in the loop. Before anything is claimed, pinned or started: a signal that comes while the window is armed waits for the loop, where
// it would have ended us and left all that behind.
FileDescriptor taken_signals() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a limit of file size is an error of the write, not our end
  const sigset_t set = block_signals_of_run();
  return FileDescriptor(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

// Takes the name. From here on no more may be done than the recording needs: every thread is still to be started.
RunDirectory begin_as(const SessionOptions& options, const Voice& voice) {
  RunDirectory directory = claim_run_directory(default_name(options), options.config.name.empty(), options.config.directory, voice);
  raise_open_files();
  never_download();
  mount_bpf_filesystem(nullptr);  // takes CAP_SYS_ADMIN; where it fails, pinning says so
  keep_only(needs_of(options.config, options.mode));
  return directory;
}

// Before there are ticks, and once: the features of a host stay as they are while it runs.
std::string doctor_of(const Recording& recording) {
  return checks_json(check_host(KnownBackend{.bpf = recording.window().control->backend == FDR_BACKEND_BPF, .lacking = recording.notes()}));
}

}  // namespace

class Session::Impl {
 public:
  explicit Impl(SessionOptions options)
      : options_(std::move(options)),
        signals_(taken_signals()),
        directory_(begin_as(options_, voice_)),
        recording_(options_.config, directory_.name()),
        metrics_(options_.config, recording_.sees_calls()),
        history_(options_.config, directory_.name(), metrics_.past()),
        heartbeats_(options_.config.heartbeats),
        engine_(all_rules(options_.config), metrics_.catalogue()),
        control_(directory_.path("control.sock")),
        beats_(directory_.path("beat.sock")),
        probes_(options_.config.heartbeats),
        sends_(options_.config.heartbeats),
        supervisor_(options_.mode, options_.config.heartbeats, directory_.path("notify.sock")),
        finder_(options_.config.targets),
        watched_(options_.config, memory_of(options_.config)),
        finished_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        timer_(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)),
        dump_(options_.config, directory_.name(), options_.mode, options_.command, finished_.get(), metrics_.sockets(), watched_.logs(), doctor_of(recording_)),
        firings_(options_.config, recording_, metrics_, engine_, dump_, voice_),
        keeper_(options_.config, directory_.path(""), directory_.name(), options_.mode, options_.command),
        baselines_(options_.config, directory_.name(), options_.mode),
        slices_(options_.config, directory_.name(), options_.mode, options_.command) {
    if (!recording_.choice().empty()) voice_.say(recording_.choice());
    if (options_.at_most) firings_.only_one();
  }

  SessionOptions options_;
  const Voice voice_{options_.quiet};
  const FileDescriptor signals_;
  RunDirectory directory_;
  const Supervisor& supervisor() const { return supervisor_; }

  void add_matching_targets() {
    const auto& targets = options_.config.targets;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const std::vector<ProcessIdentity> roots = matching_processes(targets[i]);
      for (const ProcessIdentity& root : roots)
        if (::kill(root.pid, 0) && errno == ESRCH) throw NoTarget(fmt::format("there is no process {}", root.pid), "`pgrep -a NAME` finds its pid");
      const std::vector<std::int32_t> added = recording_.add_existing(roots, static_cast<std::uint32_t>(i));
      for (const std::int32_t pid : added) metrics_.add_process(pid, static_cast<std::uint32_t>(i));
      for (const ProcessIdentity& root : roots) {
        if (std::find(added.begin(), added.end(), root.pid) != added.end()) roots_.push_back(root.pid);
        else voice_.say(fmt::format("process {} {}", root.pid, is_there(root) ? "is not ours to record" : "ended before it could be recorded"));
      }
    }
    if (!roots_.empty()) return;
    if (!options_.config.wait) throw NoTarget("no process matches the targets", "start it first, or `--wait` for it; `fdr check CONFIG` shows what is matched");
    voice_.say("no process matches the targets yet: waiting");
  }

  void add_child(Child& child) {
    child_ = &child;
    recording_.add_child(child.pid());
    metrics_.add_process(child.pid(), 0);
    roots_.push_back(child.pid());
  }

  SessionEnd loop(const std::function<void()>& on_armed) {
    const Timestamp start = MonotonicClock::now();
    RaisedTick raised;
    tick_kind_ = raised.kind_name();
    next_tick_ = start + options_.config.every;
    arm_timer();
    engine_.note({.time = start, .rule = "", .event = "armed", .value = 0, .text = fmt::format("{} processes", recording_.processes().live_count())});
    dump_.add_anchor(start);
    dump_.keep_text(recording_, start);
    keeper_.begin(recording_, metrics_, start);
    on_armed();
    supervisor_.armed(state_text());
    while (!over()) {
      wait();
      take_signals();
      if (asked_) answer_requests();
      supervisor_.hear(heartbeats_, [this](pid_t pid) { return is_ours(pid); });
      const Timestamp now = MonotonicClock::now();
      if (now >= next_tick_ || gone_) {
        raised.begin();
        tick(now);
      }
      finish_dumps();
    }
    end_.failed = firings_.failed();
    return end_;
  }

 private:
  // Of the targets, or so young that the table does not have it yet and only its parents are.
  bool is_ours(pid_t pid) const {
    constexpr int kGenerations = 16;
    for (int i = 0; i < kGenerations && pid > 1; ++i, pid = parent_of(pid))
      if (recording_.processes().known(pid)) return true;
    return false;
  }

  // For `systemctl status`.
  std::string state_text() const {
    const std::string bundles = end_.bundles ? fmt::format("{} bundles, the last {}", end_.bundles, end_.bundle) : "no bundle yet";
    return printable(fmt::format("{} processes, {} rules; {}", recording_.processes().live_count(), all_rules(options_.config).size(), bundles));
  }

  bool over() { return (gone_ || stop_) && final_done_ && !dump_.busy() && !firings_.waiting() && !watched_.notifier().busy(); }

  void arm_timer() {
    itimerspec spec{};
    const std::int64_t at = to_ns(next_tick_);
    spec.it_value = {.tv_sec = at / 1'000'000'000, .tv_nsec = at % 1'000'000'000};
    ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  }

  void wait() {
    std::vector<pollfd> watched;
    for (const int descriptor : {timer_.get(), signals_.get(), control_.descriptor(), finished_.get(), supervisor_.descriptor()}) watched.push_back({descriptor, POLLIN, 0});
    for (const int descriptor : control_.waiting()) watched.push_back({descriptor, POLLIN, 0});
    const std::size_t filling = watched.size();
    for (const int descriptor : recording_.descriptors()) watched.push_back({descriptor, POLLIN, 0});
    ::poll(watched.data(), watched.size(), -1);
    for (std::size_t i = filling; i < watched.size(); ++i)
      if (watched[i].revents) recording_.readable(watched[i].fd, watched[i].revents & (POLLHUP | POLLERR | POLLNVAL), MonotonicClock::now());
    std::uint64_t ignored;
    [[maybe_unused]] ssize_t got = ::read(timer_.get(), &ignored, sizeof ignored);
    if (watched[3].revents) got = ::read(finished_.get(), &ignored, sizeof ignored);
    asked_ = watched[2].revents || !control_.waiting().empty() || control_.full();
  }

  void tick(Timestamp now) {
    const Duration lateness = std::max(Duration{}, now - next_tick_);
    const Recording::Changes changes = recording_.advance(now);
    for (const TargetExit& exit : changes.processes.exits) on_exit(exit);
    for (const Datagram& beat : beats_.drain()) heartbeats_.beat(beat.text, beat.time);
    probes_.advance(now, heartbeats_);
    supervisor_.tick(now, heartbeats_, child_status_.has_value());
    if (sends_.wanted()) sends_.advance(recording_.source().sends(), recording_.processes(), heartbeats_);
    if (child_status_ && !exit_known_) {
      exit_known_ = true;
      metrics_.target_exited(*child_status_);
    }
    if (!child_) take_newcomers(now);
    metrics_.read(recording_, changes, heartbeats_, watched_.values(now), lateness, now);
    if (!final_done_) {
      if (gone_ || stop_) firings_.wind_up();
      for (const Firing& firing : engine_.evaluate(metrics_.history(), now)) firings_.fired(firing);
      for (const EpisodeEnd& end : engine_.ended()) firings_.over(end);
      stop_ = stop_ || once_is_over(now);
      if (gone_ || stop_) last_tick(now);
    }
    firings_.advance(now);
    dump_.advance(recording_, metrics_, history_, engine_, now, gone_ || stop_);
    history_.advance(now, [this] { return recording_.source().bystander_ticks(); });
    if (const auto problem = history_.problem()) tell(*problem, "history", now);
    dump_.keep_text(recording_, now);
    dump_.advance_collectors(now);
    for (const std::string& failure : watched_.notifier().advance()) tell(failure, "notify", now);
    if (const auto step = dump_.add_anchor(now)) tell_on_timeline(fmt::format("the wall clock was set {} by {}", *step < Duration{} ? "back" : "forward", duration_text(std::chrono::abs(*step))), "clock", now);
    keeper_.advance(recording_, metrics_, engine_, dump_.kept_text(), dump_.kept_text_at(), now);
    baselines_.advance(recording_, metrics_, calm(), now);
    if (const auto problem = baselines_.problem()) tell(*problem, "baseline", now);
    slices_.advance(recording_, metrics_, engine_, now);
    if (const auto changed = recording_.economize(dump_.busy(), now)) tell_on_timeline(*changed, "detail", now);
    if (next_tick_ <= now) {
      // Ticks that were slept through are not made up for: their lateness is in the history.
      const Duration every = recording_.economy().detail().every;
      next_tick_ += every * ((now - next_tick_) / every + 1);
    }
    arm_timer();
  }

  // Nothing is wrong, nothing is being written, and there is somebody to be well.
  bool calm() const { return engine_.calm() && !dump_.busy() && !firings_.waiting() && recording_.processes().live_count() > 0 && !gone_ && !stop_; }

  // `once`: its bundle is written, or its time is over and none is being made.
  bool once_is_over(Timestamp now) const {
    return options_.at_most && !dump_.busy() && (firings_.spent() || now - recording_.armed_at() >= *options_.at_most);
  }

  void tell_on_timeline(const std::string& changed, const char* event, Timestamp now) {
    recording_.processes().add_life({now, LifeKind::kMark, kNoIndex, "fdr: " + changed, 0});
    voice_.say(changed);
    engine_.note({.time = now, .rule = "", .event = event, .value = 0, .text = changed});
  }

  void tell(const std::string& problem, const char* event, Timestamp now) {
    voice_.complain(problem, "");
    engine_.note({.time = now, .rule = "", .event = event, .value = 0, .text = printable(problem)});
  }

  // Whoever fits a target's description by now: it has been started again, or is one more.
  void take_newcomers(Timestamp now) {
    if (!finder_.due(recording_.processes().live_count() == 0, now)) return;
    for (const TargetFinder::Found& found : finder_.look(recording_.processes().live_pids(), now)) {
      const std::vector<std::int32_t> added = adopt(found, now);
      for (const std::int32_t pid : added) metrics_.add_process(pid, found.target);
      for (const ProcessIdentity& process : found.processes)
        if (std::find(added.begin(), added.end(), process.pid) != added.end()) roots_.push_back(process.pid);
      if (added.empty()) continue;
      const std::string& name = options_.config.targets[found.target].name;
      engine_.note({.time = now, .rule = "", .event = "joined", .value = static_cast<double>(added.front()), .text = fmt::format("{} processes of target '{}'", added.size(), printable(name))});
      voice_.say(fmt::format("target '{}': process {} joined", name, added.front()));
    }
  }

  // Who cannot be recorded, because he is another user's or for want of room, ends no recording of others; told once.
  std::vector<std::int32_t> adopt(const TargetFinder::Found& found, Timestamp now) {
    try {
      return recording_.adopt(found.processes, found.target, now);
    } catch (const Error& error) {
      if (std::exchange(not_adopted_, error.what()) != error.what()) tell(std::string("not recorded: ") + error.what(), "target", now);
      return {};
    }
  }

  void on_exit(const TargetExit& exit) {
    const auto root = std::find(roots_.begin(), roots_.end(), exit.pid);
    if (root != roots_.end()) {
      roots_.erase(root);
      if (!(child_ && exit.pid == child_->pid()) && exit.wait_status) metrics_.target_exited(*exit.wait_status);
      last_status_ = exit.wait_status;
    }
    // attach: when nothing of any target is left. run: when its child is, whatever it left behind.
    if (!child_ && recording_.processes().live_count() == 0 && !options_.config.wait) gone_ = true;
  }

  // The targets are gone, and the exit itself may be what was waited for; or we are told to stop. What is still going on ends here.
  void last_tick(Timestamp now) {
    final_done_ = true;
    if (gone_) firings_.exited(child_status_ ? child_status_ : last_status_, now);
    for (const EpisodeEnd& end : engine_.close(now, gone_ ? "still true when the target ended," : "still true when the recorder ended,")) firings_.over(end, true);
  }

  void finish_dumps() {
    if (auto finished = firings_.finished()) tell_of(*finished);
    // One that is answered at once makes nobody else busy: the next one's turn.
    while (!dump_.busy() && !pending_.empty() && !over()) {
      ControlRequest next = std::move(pending_.front());
      pending_.erase(pending_.begin());
      handle(std::move(next));
    }
  }

  void tell_of(FinishedDump& finished) {
    const DumpResult& result = finished.result;
    std::string answer;
    if (result.path.empty()) {
      voice_.complain("the bundle could not be written: " + result.error, result.hint);
      answer = error_reply(printable(result.error), printable(result.hint));
    } else {
      answer = ok_reply("path", result.path);
      if (!finished.temporary) {
        ++end_.bundles;
        end_.bundle = result.path;
        voice_.say("bundle " + result.path);
        if (!result.reduced.empty()) voice_.complain("the bundle was " + result.reduced, result.hint);
        supervisor_.says(state_text());
        watched_.notifier().tell({.bundle = result.path, .rule = finished.rule, .reason = finished.reason, .screen = result.screen});
      }
    }
    for (FileDescriptor& asker : finished.askers) reply(std::move(asker), answer);
  }

  void take_signals() {
    signalfd_siginfo info;
    while (::read(signals_.get(), &info, sizeof info) == sizeof info) {
      const int signal = static_cast<int>(info.ssi_signo);
      if (signal == SIGCHLD) {
        reap();
      } else if (child_) {
        const bool passed_on = is_to_be_passed_on(signal, info.ssi_code);
        if (passed_on && !child_status_) ::kill(child_->pid(), signal);
        if (passed_on && (signal == SIGTERM || signal == SIGHUP))
          engine_.note({.time = MonotonicClock::now(), .rule = "", .event = "signal", .value = static_cast<double>(signal), .text = "passed on to the command"});
      } else if (signal == SIGHUP && options_.reload) {
        reload();
      } else if (signal == SIGUSR2) {
        ask_for_dump("SIGUSR2", {});
      } else if (signal == SIGTERM || signal == SIGINT || signal == SIGHUP || signal == SIGQUIT) {
        stop_ = true;
        supervisor_.stopping();
        next_tick_ = std::min(next_tick_, MonotonicClock::now());
      }
    }
  }

  // All or nothing: where the file is bad, or a rule does not fit the metrics there are, the old ones stay in force.
  void reload() {
    const Timestamp now = MonotonicClock::now();
    supervisor_.reloading(now);
    std::string what;
    try {
      Config next = options_.config;
      const std::vector<std::string> left = take_over(next, options_.reload(), longest_after_);
      metrics_.check_fits(next);
      const std::vector<EpisodeEnd> gone = engine_.reload(all_rules(next), metrics_.catalogue(), now);
      take_over(options_.config, next, longest_after_);
      keeper_.configuration_changed();
      slices_.configuration_changed();
      for (const EpisodeEnd& end : gone) firings_.over(end);
      what = fmt::format("reloaded: {} rules in force", all_rules(options_.config).size());
      for (std::size_t i = 0; i < left.size() && i < 4; ++i) what += (i ? ", " : "; not without a restart: ") + left[i];
      voice_.say(what);
    } catch (const Error& error) {
      what = std::string("not reloaded: ") + error.what();
      voice_.complain(what, error.hint());
    }
    supervisor_.armed(state_text());
    reload_ = printable(what) + " (" + utc_text(ClockAnchor::now().realtime_of(now)) + ")";
    engine_.note({.time = now, .rule = "", .event = "reload", .value = 0, .text = printable(what)});
  }

  void reap() {
    if (!child_ || child_status_) return;
    child_status_ = child_->poll();
    gone_ = gone_ || child_status_;
  }

  void ask_for_dump(const std::string& reason, FileDescriptor connection) {
    const DumpTrigger trigger{.name = "manual", .when = "asked for", .value_text = {}, .evidence = "asked for: " + printable(reason), .value = 0,
                              .time = MonotonicClock::now(), .after = options_.config.after};
    if (dump_.busy() && !dump_.takes_more(trigger)) return pending_.push_back({.verb = "dump", .text = reason, .connection = std::move(connection)});
    engine_.note({.time = trigger.time, .rule = "manual", .event = "fired", .value = 0, .text = printable(reason)});
    firings_.start(trigger, trigger.evidence);
    if (connection.valid()) answer_when_done(std::move(connection));
  }

  // Or at once, where it could not even be begun.
  void answer_when_done(FileDescriptor connection) {
    if (dump_.busy()) return dump_.add_asker(std::move(connection));
    reply(std::move(connection), error_reply(firings_.problem().empty() ? "there is one bundle already" : printable(firings_.problem())));
  }

  void drill(ControlRequest request, Timestamp now) {
    const auto firing = engine_.drill(request.text, now);
    if (!firing) {
      std::string names;
      for (const RuleStatus& rule : engine_.status()) names += (names.empty() ? "" : ", ") + rule.name;
      return reply(std::move(request.connection), error_reply("there is no rule '" + printable(request.text) + "'", names.empty() ? "it has none" : "rules: " + names));
    }
    if (dump_.busy()) return pending_.push_back(std::move(request));
    firings_.drilled(*firing);
    answer_when_done(std::move(request.connection));
  }

  void answer_requests() {
    for (ControlRequest& request : control_.receive()) handle(std::move(request));
  }

  void handle(ControlRequest request) {
    const Timestamp now = MonotonicClock::now();
    if (request.verb == "status") {
      reply(std::move(request.connection), status_json({.name = directory_.name(), .mode = options_.mode, .config = options_.config, .bundles = end_.bundles, .watched = [&](JsonWriter& json) { watched_.write_status(json); }, .reload = reload_, .unwritten = firings_.problem(), .slice_bytes = slices_.written_bytes(), .survival = {keeper_.problem(), slices_.problem()}, .baselines = [&](JsonWriter& json) { baselines_.write_status(json); }, .tick = tick_kind_},
                                                       recording_, metrics_, engine_, now));
    } else if (request.verb == "mark") {
      recording_.processes().add_life({now, LifeKind::kMark, kNoIndex, request.text, 0});
      engine_.note({.time = now, .rule = "", .event = "mark", .value = 0, .text = printable(request.text)});
      reply(std::move(request.connection), ok_reply("baseline", baselines_.mark(request.text, now)));
    } else if (request.verb == "dump") {
      ask_for_dump(request.text.empty() ? "fdr dump" : request.text, std::move(request.connection));
    } else if (request.verb == "drill") {
      drill(std::move(request), now);
    } else if (request.verb == "now") {
      if (dump_.busy()) return pending_.push_back(std::move(request));
      const DumpTrigger trigger{.name = "now", .when = "asked for", .value_text = {}, .evidence = "the window as it is now", .value = 0, .time = now};
      try {
        dump_.begin(recording_, trigger, directory_.path("now"));
        dump_.add_asker(std::move(request.connection));
        next_tick_ = now;
      } catch (const std::exception& error) {
        const auto* ours = dynamic_cast<const Error*>(&error);
        reply(std::move(request.connection), error_reply(error.what(), ours ? ours->hint() : ""));
      }
    } else {
      reply(std::move(request.connection), error_reply("unknown request"));
    }
  }

  Recording recording_;
  MetricReader metrics_;
  HistoryKeeper history_;
  Heartbeats heartbeats_;
  Engine engine_;
  ControlServer control_;
  BeatSocket beats_;
  Probes probes_;
  SendBeats sends_;
  Supervisor supervisor_;
  TargetFinder finder_;
  Watched watched_;
  FileDescriptor finished_, timer_;
  DumpControl dump_;
  Firings firings_;
  StateKeeper keeper_;
  BaselineKeeper baselines_;
  SliceKeeper slices_;
  const Duration longest_after_ = options_.config.longest_after();  // what there is room for in the metrics
  std::string tick_kind_;                 // how the tick is scheduled
  std::string reload_;                    // what came of the last SIGHUP
  std::string not_adopted_;               // why the last newcomer was not
  std::vector<ControlRequest> pending_;
  std::vector<std::int32_t> roots_;
  Child* child_ = nullptr;
  std::optional<int> child_status_, last_status_;  // the latter of a target that ended: nothing where nobody told it
  bool gone_ = false, stop_ = false, final_done_ = false, exit_known_ = false, asked_ = false;
  Timestamp next_tick_{};
  SessionEnd end_;
};

Session::Session(SessionOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Session::~Session() = default;
const std::string& Session::name() const { return impl_->directory_.name(); }
void Session::add_matching_targets() { impl_->add_matching_targets(); }
std::vector<std::string> Session::command_environment() const { return impl_->supervisor().command_environment(); }
void Session::add_child(Child& child) { impl_->add_child(child); }
SessionEnd Session::loop(const std::function<void()>& on_armed) { return impl_->loop(on_armed); }

}  // namespace fdr
