#include "recorder/metrics/syscall_figures.hpp"

#include <algorithm>
#include <limits>

#include "formats/syscall_names.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::string_view kPrefix = "syscall.";

bool is_name(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

}  // namespace

std::vector<std::string> syscalls_named_in(std::string_view condition) {
  std::vector<std::string> names;
  for (std::size_t at = condition.find(kPrefix); at != std::string_view::npos; at = condition.find(kPrefix, at + 1)) {
    const std::size_t begin = at + kPrefix.size();
    std::size_t end = begin;
    while (end < condition.size() && is_name(condition[end])) ++end;
    const std::string name(condition.substr(begin, end - begin));
    if (syscall_number(name) && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

void add_syscall_figures(const std::string& name, MetricCatalogue& catalogue) {
  constexpr const char* kSource = "kernel-side sums, backend bpf, each second";
  const std::string prefix = "syscall." + name + ".";
  catalogue.add({prefix + "rate", Unit::kNone, MetricKind::kGauge, "all targets", "calls in the last second", kSource});
  catalogue.add({prefix + "errors", Unit::kNone, MetricKind::kCounter, "all targets", "calls that failed", kSource});
  catalogue.add({prefix + "latency", Unit::kSeconds, MetricKind::kGauge, "all targets", "seconds from call to return, mean of those that returned in the last second", kSource});
  catalogue.add({prefix + "longest", Unit::kSeconds, MetricKind::kGauge, "all targets", "seconds that the longest took of those that returned in the last second", kSource});
}

SyscallFigures::SyscallFigures(const MetricCatalogue& catalogue) {
  constexpr std::string_view kLast = ".rate";
  for (MetricId id = 0; id < catalogue.size(); ++id) {
    const std::string& name = catalogue.info(id).name;
    if (!name.starts_with(kPrefix) || !name.ends_with(kLast)) continue;
    const std::string call = name.substr(0, name.size() - kLast.size());
    const auto number = syscall_number(std::string_view(call).substr(kPrefix.size()));
    const auto errors = catalogue.find(call + ".errors"), latency = catalogue.find(call + ".latency"), longest = catalogue.find(call + ".longest");
    if (number && errors && latency && longest)
      calls_.push_back({.number = *number, .rate = id, .errors = *errors, .latency = *latency, .longest = *longest, .calls_a_second = kUnknown, .mean_s = kUnknown, .longest_s = kUnknown, .errors_known = 0, .errors_line = {}});
  }
}

void SyscallFigures::add_second(const SummaryLog& log) {
  for (Figures& call : calls_) {
    std::uint64_t calls = 0, errors = 0, wall_ns = 0, max_ns = 0;
    for (auto row = log.rows().rbegin(); row != log.rows().rend() && row->begin + row->interval == log.read_at(); ++row) {
      if (row->nr != call.number) continue;
      calls += row->calls;
      errors += row->errors;
      wall_ns += row->wall_ns;
      max_ns = std::max(max_ns, row->max_ns);
    }
    call.calls_a_second = static_cast<double>(calls) / to_seconds(second_);
    call.errors_known += static_cast<double>(errors);
    call.errors_line.learn(read_at_, call.errors_known);
    call.mean_s = calls ? static_cast<double>(wall_ns) / static_cast<double>(calls) / 1e9 : kUnknown;
    call.longest_s = static_cast<double>(max_ns) / 1e9;
  }
}

void SyscallFigures::forget() {
  read_at_ = {};
  for (Figures& call : calls_) call.calls_a_second = call.mean_s = call.longest_s = kUnknown;
}

void SyscallFigures::read(const SummaryLog& log, Timestamp now, std::span<double> row) {
  if (calls_.empty()) return;
  if (log.read_at() != read_at_) {
    second_ = read_at_ == Timestamp{} ? Duration{} : log.read_at() - read_at_;  // the first holds sums since arming, over no known time
    read_at_ = log.read_at();
    if (second_ > Duration{}) {
      add_second(log);
    } else {
      for (Figures& call : calls_) call.errors_line.follow(read_at_, call.errors_known);
    }
  }
  for (const Figures& call : calls_) {
    row[call.rate] = call.calls_a_second;
    row[call.errors] = second_ > Duration{} ? call.errors_line.at(now) : kUnknown;
    row[call.latency] = call.mean_s;
    row[call.longest] = call.longest_s;
  }
}

}  // namespace fdr
