#include "recorder/watched/notifier.hpp"

#include <fmt/format.h>


#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMostRounds = 8, kMostReason = 1000;
constexpr std::uint64_t kMostSaid = 4096;  // of its output: only how it ended is wanted

}  // namespace

Notifier::Notifier(std::vector<NotifyConfig> commands) : commands_(std::move(commands)) {
  for (const NotifyConfig& command : commands_) status_.push_back({.name = command.name, .told = 0, .failed = 0, .problem = {}});
}

void Notifier::tell(const News& news) {
  if (commands_.empty()) return;
  if (rounds_.size() >= kMostRounds) {
    for (Status& status : status_) {
      ++status.failed;
      status.problem = fmt::format("not told of {}: those of earlier bundles still run", news.bundle);
      refused_.push_back("notify " + status.name + ": " + status.problem);
    }
    return;
  }
  std::vector<CollectorConfig> collectors;
  for (const NotifyConfig& command : commands_) {
    CollectorConfig collector;
    collector.name = command.name;
    collector.command = command.command;
    collector.timeout = command.timeout;
    collector.max_bytes = kMostSaid;
    collector.input = news.screen;
    collector.environment = {fmt::format("FDR_BUNDLE={}", news.bundle), fmt::format("FDR_RULE={}", news.rule), "FDR_REASON=" + printable(news.reason).substr(0, kMostReason)};
    collectors.push_back(std::move(collector));
  }
  rounds_.push_back(std::make_unique<CollectRound>(collectors, "notify"));
}

std::vector<std::string> Notifier::advance() {
  std::vector<std::string> failures = std::exchange(refused_, {});
  for (auto& round : rounds_) {
    if (!(round->done() || round->overdue())) continue;
    const std::vector<Collected> results = round->wait();
    for (std::size_t i = 0; i < results.size(); ++i) {
      Status& status = status_[i];
      ++status.told;
      status.problem = results[i].note;
      if (results[i].note.empty()) continue;
      ++status.failed;
      failures.push_back("notify " + status.name + ": " + results[i].note);
    }
    round.reset();
  }
  std::erase(rounds_, nullptr);
  return failures;
}

}  // namespace fdr
