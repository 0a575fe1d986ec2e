#include "recorder/metrics/sockets.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <limits>
#include <mutex>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include "formats/error.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/metrics/straight_line.hpp"
#include "recorder/system/own_privileges.hpp"
#include "recorder/system/proc_text.hpp"
#include "recorder/system/quiet_thread.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr Duration kEvery = std::chrono::milliseconds(950);  // a tick that is early must not make it two seconds
constexpr Duration kNoneEvery = std::chrono::seconds(5);     // of targets without a socket: the sockets of the others there, for the next bundle
constexpr double kMostPauseS = 15;                           // 10 000 sockets take 55 ms to list: then that is the rhythm
constexpr Duration kStale = std::chrono::seconds(60);        // of a survey that is overdue: its figures are no longer said
constexpr std::size_t kProcesses = 512, kDescriptors = 65'536, kNamespaces = 16;

using Members = std::map<std::int32_t, std::uint32_t>;  // pid -> target

// The socket inode of a descriptor's link, "socket:[123]".
std::optional<std::uint64_t> socket_inode(int directory, const char* name) {
  std::array<char, 64> link{};
  const ssize_t length = ::readlinkat(directory, name, link.data(), link.size());
  if (length <= 0) return std::nullopt;
  std::string_view text(link.data(), static_cast<std::size_t>(length));
  if (!text.starts_with("socket:[") || !text.ends_with("]")) return std::nullopt;
  return parse_number<std::uint64_t>(text.substr(8, text.size() - 9));
}

// Surveys, on a thread that it may move between network namespaces.
class Surveyor {
 public:
  // `needed`: even where no target has a socket; else nothing is listed then, and there is no survey.
  std::optional<SocketSurvey> survey(const Members& members, bool needed) {
    SocketSurvey found;
    std::map<std::uint64_t, bool> seen;  // namespaces of the targets
    std::size_t descriptors = 0, processes = 0;
    for (const auto& [pid, target] : members) {
      if (++processes > kProcesses) {
        found.complete = false;
        break;
      }
      take_descriptors(pid, target, descriptors, found);
    }
    if (!needed && found.held.empty() && found.complete) return std::nullopt;
    processes = 0;
    for (const auto& [pid, target] : members)
      if (++processes <= kProcesses) take_network(pid, seen, found);
    std::sort(found.held.begin(), found.held.end(),
              [](const HeldSocket& a, const HeldSocket& b) { return std::tie(a.inode, a.target, a.pid) < std::tie(b.inode, b.target, b.pid); });
    std::erase_if(open_, [&](const auto& entry) { return !seen.contains(entry.first); });  // an open socket keeps a namespace alive
    found.time = MonotonicClock::now();
    return found;
  }

 private:
  static void take_descriptors(std::int32_t pid, std::uint32_t target, std::size_t& all, SocketSurvey& found) {
    DIR* entries = ::opendir(fmt::format("/proc/{}/fd", pid).c_str());
    if (!entries) {
      if (errno != ENOENT && errno != ESRCH) found.complete = false;
      return;
    }
    while (const dirent* entry = ::readdir(entries)) {
      if (entry->d_name[0] == '.') continue;
      if (++all > kDescriptors) {
        found.complete = false;
        break;
      }
      if (const auto inode = socket_inode(::dirfd(entries), entry->d_name)) found.held.push_back({*inode, pid, target});
    }
    ::closedir(entries);
  }

  void take_network(std::int32_t pid, std::map<std::uint64_t, bool>& seen, SocketSurvey& found) {
    const FileDescriptor space(::open(fmt::format("/proc/{}/ns/net", pid).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat identity {};
    if (!space.valid() || ::fstat(space.get(), &identity)) {
      if (errno != ENOENT && errno != ESRCH) found.complete = false;
      return;
    }
    const std::uint64_t inode = identity.st_ino;
    if (!seen.emplace(inode, true).second) return;
    if (seen.size() > kNamespaces) {
      found.complete = false;
      return;
    }
    try {
      auto known = open_.find(inode);
      if (known == open_.end()) known = open_.emplace(inode, opened_in(space)).first;
      found.networks.push_back({inode, known->second.list()});
      if (!found.networks.back().listing.problem.empty()) open_.erase(inode);  // it may be out of step
    } catch (const Error& error) {
      found.problems.emplace_back(error.what());
      found.complete = false;
    }
  }

  static SocketDiag opened_in(const FileDescriptor& space) {
    const FileDescriptor own(::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    struct stat here {}, there {};
    if (own.valid() && ::fstat(own.get(), &here) == 0 && ::fstat(space.get(), &there) == 0 && here.st_dev == there.st_dev && here.st_ino == there.st_ino) return SocketDiag();
    const RaisedAdmin admin;
    if (!own.valid() || ::setns(space.get(), CLONE_NEWNET))
      throw Error(fmt::format("the targets' network namespace cannot be entered: {}", std::strerror(errno)));
    struct Return {  // nothing else of this thread depends on where it is; the next entry does not either
      const FileDescriptor& own;
      ~Return() { [[maybe_unused]] const int back = ::setns(own.get(), CLONE_NEWNET); }
    } guard{own};
    return SocketDiag();
  }

  std::map<std::uint64_t, SocketDiag> open_;  // by the namespace's inode
};

}  // namespace

class SocketMetrics::Impl {
 public:
  Impl(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, double cpu_share) : budget_(cpu_share, kMostPauseS) {
    for (std::size_t i = 0; i <= target_names.size(); ++i) {
      const std::string prefix = i < target_names.size() ? "process[" + target_names[i] + "]." : "process.";
      Tree tree;
      for (const char* name : socket_gauge_names()) tree.ids.push_back(catalogue.find(prefix + name));
      for (const char* name : socket_counter_names()) tree.ids.push_back(catalogue.find(prefix + name));
      tree.gauges.resize(socket_gauge_names().size(), kUnknown);
      tree.counters.resize(socket_counter_names().size());
      trees_.push_back(std::move(tree));
    }
    thread_ = quiet_thread("fdr-sockets", 0, [this] { run(); });
  }

  ~Impl() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  void began(std::int32_t pid, std::size_t target) { members_[pid] = static_cast<std::uint32_t>(target); }
  void ended(std::int32_t pid) { members_.erase(pid); }

  void read(Timestamp now, std::span<double> row) {
    std::shared_ptr<const SocketSurvey> survey;
    {
      const std::lock_guard lock(mutex_);
      budget_.advance(now);
      if (!wanted_ && !members_.empty() && (asked_ == Timestamp{} || now - asked_ >= kEvery) && budget_.may_spend()) want(now);
      survey = newest_;
    }
    if (survey && survey != used_) use(survey, now);
    const bool stale = !used_ || now - used_->time > kStale;
    for (const Tree& tree : trees_)
      for (std::size_t i = 0; i < tree.ids.size(); ++i) {
        if (!tree.ids[i] || *tree.ids[i] >= row.size()) continue;
        row[*tree.ids[i]] = stale || members_.empty() ? kUnknown : i < tree.gauges.size() ? tree.gauges[i] : tree.counters[i - tree.gauges.size()].at(now);
      }
  }

  void ask() {
    const std::lock_guard lock(mutex_);
    if (members_.empty()) return;
    needed_ = true;
    want(MonotonicClock::now());
  }

  std::shared_ptr<const SocketSurvey> newest(Timestamp since, Duration patience) const {
    std::unique_lock lock(mutex_);
    done_.wait_for(lock, patience, [&] { return (newest_ && newest_->time >= since) || !wanted_; });
    return newest_;
  }

  ReadingCost cost() const {
    const std::lock_guard lock(mutex_);
    return budget_.cost();
  }

 private:
  struct Tree {
    std::vector<std::optional<MetricId>> ids;  // gauges, then counters
    std::vector<double> gauges;
    std::vector<StraightLine> counters;
  };

  void want(Timestamp now) {
    asked_ = now;
    request_ = members_;
    wanted_ = true;
    wake_.notify_one();
  }

  void use(const std::shared_ptr<const SocketSurvey>& survey, Timestamp now) {
    used_ = survey;
    counters_.add(*survey, trees_.size() - 1);
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      trees_[i].gauges = socket_gauges(*survey, i + 1 < trees_.size() ? std::optional(static_cast<std::uint32_t>(i)) : std::nullopt);
      for (std::size_t counter = 0; counter < trees_[i].counters.size(); ++counter) trees_[i].counters[counter].learn(now, counters_.sums()[i][counter]);
    }
  }

  static std::shared_ptr<const SocketSurvey> surveyed(Surveyor& surveyor, const Members& members, bool needed) {
    try {
      std::optional<SocketSurvey> survey = surveyor.survey(members, needed);
      return survey ? std::make_shared<const SocketSurvey>(std::move(*survey)) : nullptr;
    } catch (const std::exception&) {  // no memory for it
      return nullptr;
    }
  }

  void run() {
    Surveyor surveyor;
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [&] { return wanted_ || stop_; });
      if (stop_) return;
      const Members members = request_;
      const bool needed = std::exchange(needed_, false) || !newest_ || !newest_->held.empty() || MonotonicClock::now() - newest_->time >= kNoneEvery;
      lock.unlock();
      const Duration begin = thread_cpu_time();
      const auto survey = surveyed(surveyor, members, needed);
      const Duration cost = thread_cpu_time() - begin;
      lock.lock();
      budget_.spent(cost);
      if (survey) newest_ = survey;  // else the one before stands
      wanted_ = needed_;  // asked for meanwhile: what was found may be older than the asking
      done_.notify_all();
    }
  }

  Members members_;
  std::vector<Tree> trees_;  // one for each target, then all together
  SocketCounters counters_;
  std::shared_ptr<const SocketSurvey> used_;

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  mutable std::condition_variable done_;
  CostBudget budget_;
  Members request_;
  bool wanted_ = false, stop_ = false;
  bool needed_ = false;  // somebody waits for a survey
  Timestamp asked_{};
  std::shared_ptr<const SocketSurvey> newest_;
  std::thread thread_;  // last: it uses the rest
};

SocketMetrics::SocketMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, double cpu_share)
    : impl_(std::make_unique<Impl>(catalogue, target_names, cpu_share)) {}
SocketMetrics::~SocketMetrics() = default;
void SocketMetrics::began(std::int32_t pid, std::size_t target) { impl_->began(pid, target); }
void SocketMetrics::ended(std::int32_t pid) { impl_->ended(pid); }
void SocketMetrics::read(Timestamp now, std::span<double> row) { impl_->read(now, row); }
void SocketMetrics::ask() { impl_->ask(); }
std::shared_ptr<const SocketSurvey> SocketMetrics::newest(Timestamp since, Duration patience) const { return impl_->newest(since, patience); }
ReadingCost SocketMetrics::cost() const { return impl_->cost(); }

}  // namespace fdr
