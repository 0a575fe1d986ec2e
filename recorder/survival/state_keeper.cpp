#include "recorder/survival/state_keeper.hpp"

#include <stdio.h>

#include <cerrno>
#include <cstring>

#include "recorder/cost/self_cost.hpp"
#include "recorder/window/host_size.hpp"

namespace fdr {
namespace {

constexpr Duration kSecond = std::chrono::seconds(1);
// A journal is followed by the next when it covers the window and what a dump may take to begin: the two together always do.
constexpr Duration kSlack = std::chrono::seconds(10);

}  // namespace

StateKeeper::StateKeeper(const Config& config, std::string directory, std::string name, std::string mode, std::vector<std::string> command)
    : config_(config), directory_(std::move(directory)), name_(std::move(name)), mode_(std::move(mode)), command_(std::move(command)), room_(saved_room(memory_of(config))) {}

void StateKeeper::failed(const std::string& what) {
  if (problem_.empty()) problem_ = "the window does not wholly survive the recorder (" + what + ": " + std::strerror(errno) + ")";
}

void StateKeeper::replace(const char* file, StateKind kind, const std::string& payload) {
  if (!replace_state(directory_ + "/" + file, static_cast<std::uint32_t>(kind), payload)) failed(std::string("write ") + directory_ + "/" + file);
}

bool StateKeeper::begin_journal(Timestamp now) {
  const std::string path = directory_ + "/" + kJournalFile;
  if (journal_bytes_ > 0) ::rename(path.c_str(), (directory_ + "/" + kOldJournalFile).c_str());
  journal_ = create_state(path);
  journal_bytes_ = 0;
  journal_begun_ = now;
  rows_.begin_anew();
  if (!journal_.valid()) failed("write " + path);
  return journal_.valid();
}

void StateKeeper::append(StateKind kind, const std::string& payload) {
  if (!journal_.valid()) return;
  const std::string record = state_record(static_cast<std::uint32_t>(kind), payload);
  if (!write_state(journal_.get(), record)) {
    failed("write " + directory_ + "/" + kJournalFile);
    return journal_.reset();  // what follows a record that is cut would not be read
  }
  journal_bytes_ += record.size();
}

void StateKeeper::write_facts(const Recording& recording, const MetricReader& metrics) {
  replace(kFactsFile, StateKind::kFacts, facts_payload(facts_of(config_, name_, mode_, command_, recording, metrics)));
  facts_written_ = true;
}

void StateKeeper::write_processes(const Recording& recording, Timestamp now) {
  table_cost_.advance(now);
  const std::uint64_t revision = recording.processes().revision();
  if (revision == table_saved_ || !table_cost_.may_spend()) return;
  const Duration before = thread_cpu_time();
  replace(kProcessesFile, StateKind::kProcesses, processes_payload(recording.processes(), recording.life().places(), room_.processes));
  table_saved_ = revision;
  table_cost_.spent(thread_cpu_time() - before);
}

void StateKeeper::keep_seconds(const Recording& recording, const MetricReader& metrics, const Engine& engine) {
  const Pulse pulse = tail_.pulse(recording);
  append(StateKind::kPulse, pulse_payload(pulse));
  if (const auto rows = tail_.summary(recording.summary()); !rows.empty()) append(StateKind::kSummary, summary_payload(rows));
  if (const std::string ledger = tail_.ledger(engine, pulse.anchor); !ledger.empty()) append(StateKind::kLedger, ledger);
  if (const auto others = tail_.others(metrics); !others.empty()) append(StateKind::kOtherMetrics, series_payload(others));
}

void StateKeeper::begin(const Recording& recording, const MetricReader& metrics, Timestamp now) {
  if (!recording.source().survives()) return;
  write_processes(recording, now);
  write_facts(recording, metrics);
}

void StateKeeper::advance(const Recording& recording, const MetricReader& metrics, const Engine& engine, const TextFiles& text, Timestamp text_at, Timestamp now) {
  if (!recording.source().survives()) return;
  const bool fresh = now - second_ >= kSecond;
  if (!facts_written_) write_facts(recording, metrics);
  const bool over = journal_.valid() ? journal_bytes_ > room_.journal || now - journal_begun_ > config_.span + config_.longest_after() + kSlack : fresh;
  if (over && !begin_journal(now)) {
    second_ = now;
    return;
  }
  append(StateKind::kMetrics, rows_.payload(now, metrics.latest_row()));
  if (fresh) {
    second_ = now;
    keep_seconds(recording, metrics, engine);
  }
  write_processes(recording, now);
  if (text_at != text_at_) {
    text_at_ = text_at;
    replace(kTextFile, StateKind::kText, text_payload(text, room_.text));
  }
}

}  // namespace fdr
