#include "recorder/logs/log_follower.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <limits>
#include <mutex>
#include <optional>

#include "formats/file_descriptor.hpp"
#include "formats/text.hpp"
#include "recorder/logs/line_source.hpp"
#include "recorder/logs/number_text.hpp"
#include "recorder/logs/pattern.hpp"
#include "recorder/system/quiet_thread.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr int kLookMs = 200, kNice = 5;
constexpr Duration kHangs = 10s, kLastWait = 2s;
constexpr std::uint64_t kMostEach = 1u << 20, kMostAll = 8u << 20;

struct Number {
  std::size_t metric;  // its place among the metrics
  Pattern pattern;
  double value = kUnknown;
};

struct Followed {
  LogConfig config;
  std::optional<Pattern> pattern;
  std::vector<Number> numbers;
  KeptLines kept;
  std::uint64_t counted = 0, cut = 0;
  std::string problem, skipped;
  std::unique_ptr<LineSource> source;  // of the thread alone
};

}  // namespace

std::uint64_t log_bytes(std::size_t logs, std::uint64_t memory) {
  return std::min({kMostEach * logs, memory / 16, kMostAll});
}

struct LogFollower::State {
  std::vector<Followed> logs;  // guarded by the mutex but for `source`
  std::size_t metrics = 0;
  mutable std::mutex mutex;
  std::condition_variable ended;
  bool has_ended = false;
  Timestamp looked = MonotonicClock::now();
  FileDescriptor stop{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};

  void look(Followed& log) {
    struct Line {
      std::string text;
      bool counts = false, cut = false;
      std::vector<double> numbers;
    };
    // Matched without the lock, which the session's thread takes at each tick.
    std::vector<Line> lines;
    const Timestamp now = MonotonicClock::now();
    log.source->read(now, [&](std::string_view bytes, std::size_t left_out) {
      Line line{.text = valid_utf8(bytes), .counts = true, .cut = left_out > 0, .numbers = {}};
      if (log.pattern) line.counts = log.pattern->found_in(line.text);
      for (const Number& number : log.numbers) {
        const auto word = number.pattern.group_in(line.text);
        line.numbers.push_back(word ? first_number(*word).value_or(kUnknown) : kUnknown);
      }
      if (left_out) line.text += " .. cut, " + std::to_string(left_out) + " bytes";
      lines.push_back(std::move(line));
    });
    std::string problem = log.source->problem(), skipped = log.source->skipped();
    const std::lock_guard lock(mutex);
    for (Line& line : lines) {
      log.counted += line.counts;
      log.cut += line.cut;
      for (std::size_t i = 0; i < line.numbers.size(); ++i)
        if (line.numbers[i] == line.numbers[i]) log.numbers[i].value = line.numbers[i];
      log.kept.add(now, std::move(line.text));
    }
    log.problem = std::move(problem);
    log.skipped = std::move(skipped);
    looked = now;
  }

  void look_or_say_why(Followed& log) {
    try {
      look(log);
    } catch (const std::exception& error) {  // no memory for its lines
      const std::lock_guard lock(mutex);
      log.problem = error.what();
      looked = MonotonicClock::now();
    }
  }

  void run() {
    for (Followed& log : logs) log.source = open_log(log.config);
    pollfd watched{stop.get(), POLLIN, 0};
    do {
      for (Followed& log : logs) look_or_say_why(log);
    } while (::poll(&watched, 1, kLookMs) <= 0);
    for (Followed& log : logs) log.source.reset();
    const std::lock_guard lock(mutex);
    has_ended = true;
    ended.notify_all();
  }

  bool hangs() const { return MonotonicClock::now() - looked > kHangs; }
};

LogFollower::LogFollower(const std::vector<LogConfig>& logs, const std::vector<UserMetricConfig>& metrics, std::uint64_t bytes)
    : state_(std::make_shared<State>()) {
  state_->metrics = metrics.size();
  for (const LogConfig& config : logs) {
    Followed log{.config = config, .pattern = {}, .numbers = {}, .kept = KeptLines(bytes / logs.size()), .counted = 0, .cut = 0, .problem = {}, .skipped = {}, .source = {}};
    if (!config.pattern.empty()) log.pattern.emplace(config.pattern);
    for (std::size_t i = 0; i < metrics.size(); ++i)
      if (metrics[i].log == config.name) log.numbers.push_back({.metric = i, .pattern = Pattern(metrics[i].pattern), .value = kUnknown});
    state_->logs.push_back(std::move(log));
  }
  if (logs.empty()) {
    state_->has_ended = true;
    return;
  }
  try {
    quiet_thread("fdr-logs", kNice, [state = state_] { state->run(); }).detach();
  } catch (const std::system_error& error) {
    for (Followed& log : state_->logs) log.problem = std::string("no thread to follow it: ") + error.what();
    state_->has_ended = true;
  }
}

LogFollower::~LogFollower() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state_->stop.get(), &one, sizeof one);
  std::unique_lock lock(state_->mutex);
  state_->ended.wait_for(lock, kLastWait, [this] { return state_->has_ended; });
}

std::vector<double> LogFollower::counts() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<double> counts;
  for (const Followed& log : state_->logs) counts.push_back(log.problem.empty() && !state_->hangs() ? static_cast<double>(log.counted) : kUnknown);
  return counts;
}

std::vector<double> LogFollower::numbers() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<double> values(state_->metrics, kUnknown);
  for (const Followed& log : state_->logs)
    for (const Number& number : log.numbers)
      if (log.problem.empty() && !state_->hangs()) values[number.metric] = number.value;
  return values;
}

std::vector<LogCopy> LogFollower::copy(Timestamp begin) const {
  const std::lock_guard lock(state_->mutex);
  std::vector<LogCopy> copies;
  for (const Followed& log : state_->logs)
    copies.push_back({.name = log.config.name, .place = log_place(log.config), .lines = log.kept.from(begin), .since = log.kept.since(), .all = log.kept.added(),
                      .counted = log.counted, .cut = log.cut, .kept_bytes = log.kept.bytes(),
                      .problem = state_->hangs() && log.problem.empty() ? "reading the logs hangs" : log.problem, .skipped = log.skipped});
  return copies;
}

}  // namespace fdr
