#include "recorder/survival/slice_keeper.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "recorder/cost/self_cost.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1), kSliceEvery = std::chrono::seconds(4), kTableEvery = std::chrono::seconds(10);
constexpr Duration kSlack = std::chrono::seconds(10);
constexpr double kSavedSeconds = 10;                     // of the rate, while less is written
constexpr std::size_t kMostTable = 64u << 10, kMostCalls = 48, kMostLedger = 8192;
constexpr std::size_t kKallsymsBeginning = 512u << 10;  // per-CPU symbols come before _stext

// The dearest by their time; the second's others are left out, their number is not made up.
std::vector<SummaryRow> dearest(std::vector<SummaryRow> rows) {
  std::vector<SummaryRow> sums;
  std::sort(rows.begin(), rows.end(), [](const SummaryRow& a, const SummaryRow& b) { return std::pair(a.tgid, a.nr) < std::pair(b.tgid, b.nr); });
  for (const SummaryRow& row : rows) {
    if (sums.empty() || sums.back().tgid != row.tgid || sums.back().nr != row.nr) {
      sums.push_back(row);
      continue;
    }
    SummaryRow& sum = sums.back();
    const Timestamp end = std::max(sum.begin + sum.interval, row.begin + row.interval);
    sum.begin = std::min(sum.begin, row.begin);
    sum.interval = end - sum.begin;
    sum.calls += row.calls, sum.errors += row.errors, sum.wall_ns += row.wall_ns, sum.cpu_ns += row.cpu_ns;
    sum.max_ns = std::max(sum.max_ns, row.max_ns);
    for (std::size_t i = 0; i < FDR_HISTOGRAM; ++i) sum.histogram[i] += row.histogram[i];
  }
  const std::size_t most = std::min(sums.size(), kMostCalls);
  std::partial_sort(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(most), sums.end(), [](const SummaryRow& a, const SummaryRow& b) { return a.wall_ns > b.wall_ns; });
  sums.resize(most);
  return sums;
}

std::string own_kernel() {
  utsname system{};
  ::uname(&system);
  return kernel_payload(system.release, kernel_begin(read_small_file("/proc/kallsyms", kKallsymsBeginning).value_or("")));
}

}  // namespace

std::string slice_directory(const std::string& bundles, const std::string& name) { return bundles + "/slices/" + name; }

void remove_slice_directory(const std::string& directory) {
  remove_saved_window(directory);
  if (::rmdir(directory.c_str()) == 0) ::rmdir(directory.substr(0, directory.rfind('/')).c_str());
}

SliceKeeper::SliceKeeper(const Config& config, std::string name, std::string mode, std::vector<std::string> command)
    : config_(config), directory_(slice_directory(config.directory, name)), name_(std::move(name)), mode_(std::move(mode)), command_(std::move(command)) {
  if (!config.slices.enabled.value_or(mode_ == "attach")) return;
  if (::access((directory_ + "/" + kFactsFile).c_str(), F_OK) == 0) {
    problem_ = "nothing is kept for the death of the host: what an earlier one left in " + directory_ + " was not written out (fdr recover " + name_ + " -o " + config.directory + ")";
    return;
  }
  kernel_ = own_kernel();
  writer_ = std::make_unique<SliceWriter>(directory_, config.keep_free_percent);
}

SliceKeeper::~SliceKeeper() {
  if (!writer_) return;
  writer_.reset();
  if (answers(directory_)) remove_slice_directory(directory_);  // else they stay, and the next start makes a bundle of them
}

std::string SliceKeeper::problem() const {
  if (!problem_.empty() || !writer_) return problem_;
  const std::string problem = writer_->problem();
  return problem.empty() ? "" : "what is kept for the death of the host has holes: " + problem;
}

void SliceKeeper::add(StateKind kind, const std::string& payload) {
  if (!payload.empty()) pending_ += state_record(static_cast<std::uint32_t>(kind), payload);
}

void SliceKeeper::begin_journal(Timestamp now) {
  pending_.clear();
  rows_.begin_anew();
  samples_.begin_anew();
  add(StateKind::kKernel, kernel_);
  journal_begun_ = now;
  begun_ = false;
}

void SliceKeeper::add_slice(const Recording& recording, const MetricReader& metrics, const Engine& engine) {
  const Pulse pulse = tail_.pulse(recording);
  add(StateKind::kPulse, pulse_payload(pulse));
  const std::string ledger = tail_.ledger(engine, pulse.anchor);
  if (!ledger.empty() && ledger.size() <= kMostLedger && may_add(ledger.size())) add(StateKind::kLedger, ledger);
  const auto calls = dearest(tail_.summary(recording.summary()));
  if (!calls.empty() && may_add(calls.size() * sizeof(SummaryRow))) add(StateKind::kSummary, summary_payload(calls));
  const SamplePicker::Slice slice = samples_.pick(recording.window());
  if (may_add(slice.samples.size() + slice.threads.size())) {
    add(StateKind::kThreads, slice.threads);
    add(StateKind::kSamples, slice.samples);
  }
  if (const auto others = tail_.others(metrics); !others.empty())
    if (const std::string series = series_payload(others); may_add(series.size())) add(StateKind::kOtherMetrics, series);
}

void SliceKeeper::write_processes(const Recording& recording, Timestamp now) {
  const std::uint64_t revision = recording.processes().revision();
  if (revision == table_saved_ || now - table_ < kTableEvery || !cost_.may_spend()) return;
  table_ = now;
  const std::string table = processes_payload(recording.processes(), {}, kMostTable);
  if (!may_add(table.size())) return;
  table_saved_ = revision;
  allowance_ -= static_cast<double>(table.size());
  writer_->replace(kProcessesFile, static_cast<std::uint32_t>(StateKind::kProcesses), table);
}

void SliceKeeper::advance(const Recording& recording, const MetricReader& metrics, const Engine& engine, Timestamp now) {
  if (!writer_ || now - second_ < kSecond) return;
  cost_.advance(now);
  const Duration before = thread_cpu_time();
  allowance_ = std::min(allowance_ + kBytesPerSecond * to_seconds(refilled_ == Timestamp{} ? kSecond : now - refilled_), kSavedSeconds * kBytesPerSecond);
  refilled_ = second_ = now;
  if (journal_begun_ == Timestamp{}) begin_journal(now);
  if (const std::string row = rows_.payload(now, metrics.latest_row()); may_add(row.size())) add(StateKind::kMetrics, row);
  else rows_.begin_anew();  // the next one is whole again
  if (now - slice_ >= kSliceEvery) {
    slice_ = now;
    if (!facts_written_) {
      facts_written_ = true;
      writer_->replace(kFactsFile, static_cast<std::uint32_t>(StateKind::kFacts), facts_payload(facts_of(config_, name_, mode_, command_, recording, metrics)));
    }
    if (cost_.may_spend() || now - sliced_ >= 2 * kSliceEvery) {  // of two that are due one is made, whatever it costs
      sliced_ = now;
      add_slice(recording, metrics, engine);
    }
    write_processes(recording, now);
    allowance_ -= static_cast<double>(pending_.size());
    if (begun_) writer_->append(std::exchange(pending_, {}));
    else writer_->begin_journal(std::exchange(pending_, {}));
    begun_ = true;
    if (writer_->broken()) facts_written_ = false;
    if (writer_->broken() || now - journal_begun_ > config_.span + kSlack) begin_journal(now);
  }
  cost_.spent(thread_cpu_time() - before);
}

}  // namespace fdr
