// [[notify]]: commands that are told of each bundle once it has its final name: the first screen (summary.txt) on stdin, FDR_BUNDLE (its
// path), FDR_RULE and FDR_REASON in an environment that holds PATH and LANG besides. They run as collectors do: started apart from us,
// on threads of their own, ended at their timeout; so nothing waits for them but the recorder's own end. Session thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "recorder/config/notify_config.hpp"
#include "recorder/watched/collector.hpp"

namespace fdr {

// Of the caller's; nothing is copied where nobody is told.
struct News {
  std::string_view bundle;  // its path
  std::string_view rule, reason;
  std::string_view screen;  // the bundle's summary.txt
};

class Notifier {
 public:
  explicit Notifier(std::vector<NotifyConfig> commands);

  void tell(const News& news);
  // What failed since the last call, a sentence each. Once a tick.
  std::vector<std::string> advance();
  bool busy() const { return !rounds_.empty(); }

  struct Status {
    std::string name;
    std::uint64_t told = 0, failed = 0;
    std::string problem;  // of the last time; empty: it went well
  };
  const std::vector<Status>& status() const { return status_; }

 private:
  std::vector<NotifyConfig> commands_;
  std::vector<Status> status_;
  std::vector<std::unique_ptr<CollectRound>> rounds_;
  std::vector<std::string> refused_;
};

}  // namespace fdr
