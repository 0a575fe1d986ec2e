#include "recorder/watched/user_metrics.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/endpoints/http_get.hpp"
#include "recorder/logs/number_text.hpp"
#include "recorder/logs/pattern.hpp"
#include "recorder/watched/collector.hpp"
#include "recorder/watched/prometheus.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kMostText = 64u << 10, kMostPage = 4u << 20;
constexpr std::size_t kMostSaid = 200;
constexpr Duration kHangs = std::chrono::seconds(3);  // beyond the timeout: what ending a command may take, and a little

}  // namespace

NumberRead number_in(const UserMetricConfig& metric, const std::string& text) {
  if (!metric.series.empty()) {
    const SeriesSum sum = sum_series(text, parse_series_selector(metric.series));
    const std::string damaged = sum.damaged ? fmt::format("; {} lines of that name could not be read", sum.damaged) : "";
    if (sum.series == 0) return {std::nullopt, "no series " + metric.series + " with a finite value" + damaged};
    return {sum.sum, sum.series > 1 ? fmt::format("the sum of {} series{}", sum.series, damaged) : damaged.empty() ? "" : damaged.substr(2)};
  }
  std::string_view where = text;
  if (!metric.pattern.empty()) {
    const auto group = Pattern(metric.pattern).group_in(text);
    if (!group) return {std::nullopt, "the pattern is not found in what it gave"};
    where = *group;
  }
  const auto number = first_number(where);
  return number ? NumberRead{number, ""} : NumberRead{std::nullopt, text.empty() ? "it gave nothing" : "no number in what it gave"};
}

NumberRead read_number(const UserMetricConfig& metric, int cancel) {
  if (!metric.url.empty()) {
    const auto url = parse_http_url(metric.url);
    FDR_CHECK(url);  // the configuration was checked
    const HttpPage page = http_get(*url, metric.timeout, kMostPage, cancel);
    return page.body ? number_in(metric, *page.body) : NumberRead{std::nullopt, page.problem};
  }
  CollectorConfig collector;
  collector.name = metric.name;
  collector.command = metric.command;
  collector.file = metric.file;
  collector.timeout = metric.timeout;
  collector.max_bytes = kMostText;
  const Collected collected = collect(collector, "metric", cancel);
  if (collected.note.empty()) return number_in(metric, collected.text);
  const std::string said = collected.text.substr(0, std::min(collected.text.find('\n'), kMostSaid));  // often the reason
  return {std::nullopt, said.empty() ? collected.note : collected.note + ": " + said};
}

struct UserMetrics::Reading {
  UserMetricConfig metric;
  Timestamp hangs_at{};
  FileDescriptor cancel{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  std::optional<NumberRead> result;
};

UserMetrics::UserMetrics(std::vector<UserMetricConfig> metrics)
    : metrics_(std::move(metrics)), values_(metrics_.size(), kUnknown), lines_(metrics_.size()), notes_(metrics_.size(), "not read yet"), running_(metrics_.size()), next_(metrics_.size()) {}

UserMetrics::~UserMetrics() {
  const std::uint64_t one = 1;
  for (const auto& reading : running_)
    if (reading) [[maybe_unused]] const ssize_t written = ::write(reading->cancel.get(), &one, sizeof one);
}

void UserMetrics::start(std::size_t i, Timestamp now) {
  next_[i] = now + metrics_[i].every;
  auto reading = std::make_shared<Reading>();
  reading->metric = metrics_[i];
  reading->hangs_at = now + metrics_[i].timeout + kHangs;
  try {
    std::thread([reading] {
      NumberRead result;
      try {
        result = read_number(reading->metric, reading->cancel.get());
      } catch (const std::exception& error) {  // no memory for what it said
        result.note = error.what();
      }
      const std::lock_guard lock(reading->mutex);
      reading->result = std::move(result);
    }).detach();
    running_[i] = std::move(reading);
  } catch (const std::system_error& error) {
    learn(i, kUnknown, now);
    notes_[i] = std::string("no thread to read it: ") + error.what();
  }
}

void UserMetrics::learn(std::size_t i, double value, Timestamp now) {
  values_[i] = value;
  if (metrics_[i].kind == MetricKind::kCounter) lines_[i].learn(now, value);
}

void UserMetrics::advance(Timestamp now) {
  for (std::size_t i = 0; i < metrics_.size(); ++i) {
    if (!metrics_[i].log.empty()) continue;
    if (const auto reading = running_[i]) {
      const std::lock_guard lock(reading->mutex);
      if (reading->result) {
        learn(i, reading->result->value.value_or(kUnknown), now);
        notes_[i] = reading->result->note;
        running_[i].reset();
      } else if (now >= reading->hangs_at) {
        learn(i, kUnknown, now);
        notes_[i] = "hangs in the kernel";
      }
    }
    if (!running_[i] && now >= next_[i]) start(i, now);
    if (metrics_[i].kind == MetricKind::kCounter) values_[i] = lines_[i].at(now);
  }
}

}  // namespace fdr
