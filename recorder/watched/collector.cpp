#include "recorder/watched/collector.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "formats/file_descriptor.hpp"
#include "formats/json_writer.hpp"
#include "formats/text.hpp"
#include "recorder/system/bounded_command.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kBeyondTimeout = 2s;  // what run_bounded may take to end a command, and a little
constexpr std::size_t kHourly = 2;

std::string how_it_ended(const CollectorConfig& collector, const CommandResult& result) {
  if (!result.error.empty()) return result.error;
  if (result.cancelled) return "ended with the recorder";
  if (result.timed_out) return "ended by fdr after its timeout of " + duration_literal(collector.timeout);
  if (result.cut) return fmt::format("cut at {}, and ended", size_literal(collector.max_bytes));
  const int status = result.wait_status.value_or(0);
  if (WIFSIGNALED(status)) return fmt::format("ended by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status) ? fmt::format("exit code {}", WEXITSTATUS(status)) : "";
}

void read_into(const CollectorConfig& collector, Collected& collected) {
  const FileDescriptor file(::open(collector.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (!file.valid() || ::fstat(file.get(), &status)) {
    collected.note = fmt::format("{}: {}", collector.file, errno == ELOOP ? "a link, which is not followed" : std::strerror(errno));
    return;
  }
  if (!S_ISREG(status.st_mode)) {
    collected.note = collector.file + " is no regular file";
    return;
  }
  // Files of /proc say that they are empty: those are read from their beginning.
  const auto size = static_cast<std::uint64_t>(std::max<off_t>(status.st_size, 0));
  const std::uint64_t left_out = size > collector.max_bytes ? size - collector.max_bytes : 0;
  if (left_out) ::lseek(file.get(), static_cast<off_t>(left_out), SEEK_SET);
  char part[65536];
  while (collected.text.size() < collector.max_bytes) {
    const ssize_t got = ::read(file.get(), part, std::min<std::uint64_t>(sizeof part, collector.max_bytes - collected.text.size()));
    if (got < 0) collected.note = fmt::format("{}: {}", collector.file, std::strerror(errno));
    if (got <= 0) break;
    collected.text.append(part, static_cast<std::size_t>(got));
  }
  char more;
  if (left_out) collected.note = fmt::format("cut: its first {} bytes are left out", left_out);
  else if (collected.text.size() == collector.max_bytes && ::read(file.get(), &more, 1) == 1)
    collected.note = fmt::format("cut at {}", size_literal(collector.max_bytes));
}

}  // namespace

Collected collect(const CollectorConfig& collector, const std::string& at, int cancel) {
  Collected collected{.name = collector.name, .at = at, .begin = MonotonicClock::now(), .took = {}, .text = {}, .wait_status = {}, .note = {}};
  if (collector.command.empty()) {
    read_into(collector, collected);
  } else {
    CommandResult result = run_bounded(collector.command, {.timeout = collector.timeout, .max_bytes = collector.max_bytes, .cancel = cancel,
                                                              .input = collector.input, .environment = collector.environment});
    collected.note = how_it_ended(collector, result);
    collected.wait_status = result.wait_status;
    collected.text = std::move(result.output);
  }
  collected.took = MonotonicClock::now() - collected.begin;
  return collected;
}

struct CollectRound::State {
  std::vector<CollectorConfig> collectors;
  std::string at;
  Timestamp begin = MonotonicClock::now();
  FileDescriptor cancel{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  mutable std::mutex mutex;
  std::condition_variable one_done;
  std::vector<std::optional<Collected>> results;

  bool all_done() const {
    return std::all_of(results.begin(), results.end(), [](const auto& result) { return result.has_value(); });
  }
  void run(std::size_t i) {
    Collected collected{.name = collectors[i].name, .at = at, .begin = begin, .took = {}, .text = {}, .wait_status = {}, .note = {}};
    try {
      collected = collect(collectors[i], at, cancel.get());
    } catch (const std::exception& error) {  // no memory for what it said
      collected.note = std::string("not collected: ") + error.what();
    }
    const std::lock_guard lock(mutex);
    results[i] = std::move(collected);
    one_done.notify_all();
  }
};

CollectRound::CollectRound(const std::vector<CollectorConfig>& collectors, const std::string& at) : state_(std::make_shared<State>()) {
  state_->collectors = collectors;
  state_->at = at;
  state_->results.resize(collectors.size());
  for (std::size_t i = 0; i < collectors.size(); ++i) {
    try {
      std::thread([state = state_, i] { state->run(i); }).detach();
    } catch (const std::system_error& error) {
      const std::lock_guard lock(state_->mutex);
      state_->results[i] = Collected{.name = collectors[i].name, .at = at, .begin = state_->begin, .took = {}, .text = {}, .wait_status = {},
                                     .note = std::string("no thread for it: ") + error.what()};
    }
  }
}

CollectRound::~CollectRound() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->cancel.get(), &one, sizeof one);
  if (given_up_) return;
  std::unique_lock lock(state_->mutex);
  state_->one_done.wait_for(lock, kBeyondTimeout, [this] { return state_->all_done(); });
}

bool CollectRound::done() const {
  const std::lock_guard lock(state_->mutex);
  return state_->all_done();
}

Timestamp CollectRound::deadline() const {
  Duration longest{};
  for (const CollectorConfig& collector : state_->collectors) longest = std::max(longest, collector.timeout);
  return state_->begin + longest + kBeyondTimeout;
}

bool CollectRound::overdue() const { return MonotonicClock::now() >= deadline() && !done(); }

std::vector<Collected> CollectRound::wait() {
  std::unique_lock lock(state_->mutex);
  const Duration left = deadline() - MonotonicClock::now();
  given_up_ = !state_->one_done.wait_for(lock, std::max(left, Duration{}), [this] { return state_->all_done(); });
  std::vector<Collected> all;
  for (std::size_t i = 0; i < state_->results.size(); ++i) {
    if (state_->results[i]) {
      all.push_back(std::move(*state_->results[i]));
    } else {
      all.push_back({.name = state_->collectors[i].name, .at = state_->at, .begin = state_->begin, .took = MonotonicClock::now() - state_->begin,
                     .text = {}, .wait_status = {}, .note = "hangs in the kernel; nothing of it could be had"});
    }
  }
  return all;
}

Collectors::Collectors(std::vector<CollectorConfig> collectors) : collectors_(std::move(collectors)) {}

std::vector<CollectorConfig> Collectors::of(bool CollectorConfig::*moment) const {
  std::vector<CollectorConfig> some;
  for (const CollectorConfig& collector : collectors_)
    if (collector.*moment) some.push_back(collector);
  return some;
}

void Collectors::keep(CollectRound& round) {
  for (Collected& one : round.wait()) {
    const auto collected = std::make_shared<const Collected>(std::move(one));
    if (collected->at == "armed") {
      at_arming_[collected->name] = collected;
      continue;
    }
    auto& kept = each_hour_[collected->name];
    kept.push_back(collected);
    if (kept.size() > kHourly) kept.pop_front();
  }
}

void Collectors::advance(Timestamp now) {
  if (collectors_.empty()) return;
  if (!next_hour_) {
    next_hour_ = now + 1h;
    armed_ = std::make_shared<CollectRound>(of(&CollectorConfig::armed), "armed");
  } else if (now >= *next_hour_ && !hourly_) {
    next_hour_ = now + 1h;
    hourly_ = std::make_shared<CollectRound>(of(&CollectorConfig::hourly), "hourly");
  }
  for (std::shared_ptr<CollectRound>* running : {&armed_, &hourly_}) {
    if (!*running || !((*running)->done() || (*running)->overdue())) continue;
    keep(**running);
    running->reset();
  }
}

Collecting Collectors::begin(Timestamp quiet) {
  Collecting collecting;
  for (const auto& [name, collected] : at_arming_) collecting.before.push_back(collected);
  for (const auto& [name, kept] : each_hour_) {
    const auto older = std::find_if(kept.rbegin(), kept.rend(), [&](const auto& one) { return one->begin < quiet; });
    collecting.before.push_back(older == kept.rend() ? kept.front() : *older);
  }
  if (auto fired = of(&CollectorConfig::fired); !fired.empty()) collecting.now = std::make_shared<CollectRound>(fired, "fired");
  return collecting;
}

void add_collected(const Collecting& collecting, TextFiles& files, std::vector<std::string>& losses) {
  std::vector<Collected> all;
  for (const auto& collected : collecting.before) all.push_back(*collected);
  if (collecting.now) {
    for (Collected& collected : collecting.now->wait()) all.push_back(std::move(collected));
  }
  if (all.empty()) return;
  const ClockAnchor anchor = ClockAnchor::now();
  std::string runs;
  for (Collected& one : all) {
    const std::string file = "collect/" + one.name + (one.at == "fired" ? "" : "." + one.at) + ".txt";
    const bool exited = one.wait_status && WIFEXITED(*one.wait_status), killed = one.wait_status && WIFSIGNALED(*one.wait_status);
    if (!one.note.empty() && one.wait_status && !one.text.empty()) one.note += "; what it had said is kept";
    runs += json_line([&](JsonWriter& row) {
      row.field("file", file);
      row.field("name", one.name);
      row.field("at", one.at);
      row.field("time", utc_text(anchor.realtime_of(one.begin)));
      row.field("monotonic_ns", to_ns(one.begin));
      row.field("seconds", to_seconds(one.took));
      row.field("bytes", one.text.size());
      row.field("exit_code", exited ? std::optional(WEXITSTATUS(*one.wait_status)) : std::nullopt);
      row.field("signal", killed ? std::optional(WTERMSIG(*one.wait_status)) : std::nullopt);
      row.field("note", one.note);
    });
    if (!one.note.empty()) losses.push_back(fmt::format("collector {} ({}): {}", one.name, one.at, valid_utf8(one.note)));
    files[file] = std::move(one.text);
  }
  files["collect/runs.ndjson"] = std::move(runs);
}

}  // namespace fdr
