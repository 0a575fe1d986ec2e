#include "recorder/metrics/process.hpp"

#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "recorder/cost/self_cost.hpp"
#include "recorder/metrics/process_member.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr long kProcfsMagic = 0x9fa0;
// Processes that vanished and whose end nobody told of: beyond this their last reading is taken as final.
constexpr std::size_t kMaxGone = 4096;

// The metrics of a tree, in the order of kNames.
enum Value {
  kCpuUser,
  kCpuSystem,
  kCpuTotal,
  kRss,
  kAnon,
  kSwap,
  kFile,
  kShmem,
  kFds,
  kThreads,
  kAge,
  kMinor,
  kMajor,
  kProcesses,
  kVoluntary,
  kInvoluntary,
  kValues
};
constexpr std::array<const char*, kValues> kNames = {"cpu.user",
                                                     "cpu.system",
                                                     "cpu.total",
                                                     "rss",
                                                     "anon",
                                                     "swap",
                                                     "file",
                                                     "shmem",
                                                     "fds",
                                                     "threads",
                                                     "age",
                                                     "faults.minor",
                                                     "faults.major",
                                                     "processes",
                                                     "switches.voluntary",
                                                     "switches.involuntary"};

// A target's tree, or all targets together.
struct Tree {
  std::array<std::optional<MetricId>, kValues> ids;
  ProcessCounters dead;
  SlidingSecond<2> cpu;
  std::array<double, kValues> values{};
  std::uint64_t oldest_start_ticks = 0;

  // Sums of one pass over the members.
  struct Sum {
    ProcessCounters counters;
    double processes = 0, read = 0, anon = 0, shared = 0, file = 0, shmem = 0, swap = 0, descriptors = 0, threads = 0;
    std::uint64_t oldest = UINT64_MAX;
    bool unread = false;  // an old process of which nothing is known yet
  } sum;
};

bool descriptors_by_size(const std::string& root) {
  struct statfs filesystem {};
  struct stat directory {};
  return ::statfs(root.c_str(), &filesystem) == 0 && static_cast<long>(filesystem.f_type) == kProcfsMagic &&
         ::stat((root + "/self/fd").c_str(), &directory) == 0 && directory.st_size > 0;
}

}  // namespace

class ProcessMetrics::Impl {
 public:
  Impl(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names, const std::string& proc,
       double cpu_share)
      : uptime_file_(proc + "/uptime"), budget_(cpu_share) {
    context_.root = proc;
    context_.ticks_per_second = sysconf(_SC_CLK_TCK);
    context_.page_size = sysconf(_SC_PAGESIZE);
    context_.sized_descriptors = descriptors_by_size(proc);
    trees_.resize(target_names.size() + 1);
    for (std::size_t i = 0; i < trees_.size(); ++i) {
      const std::string prefix = i < target_names.size() ? "process[" + target_names[i] + "]." : "process.";
      for (std::size_t v = 0; v < kValues; ++v) trees_[i].ids[v] = catalogue.find(prefix + kNames[v]);
      trees_[i].values.fill(kUnknown);
      trees_[i].values[kProcesses] = 0;
    }
  }

  void began(std::int32_t pid, std::size_t target) {
    if (target + 1 >= trees_.size()) return;
    if (const auto known = members_.find(pid); known != members_.end()) remove(known);  // the pid was used again
    members_.try_emplace(pid, pid, target, uptime_s_);
    changed_ = ever_ = true;
  }

  void ended(std::int32_t pid, double user_s, double system_s, Timestamp now) {
    const auto known = members_.find(pid);
    if (known == members_.end()) return;
    known->second.finish(user_s, system_s, now);
    remove(known);
  }

  void read(Timestamp now, std::span<double> row) {
    const Duration begin = thread_cpu_time();
    budget_.advance(now);
    context_.now = now;
    keep_uptime(now);
    read_members(begin);
    // Where nobody lives nothing is read, and the CPU of the last second still has to go down.
    if (changed_ || (ever_ && gone_ == members_.size())) sum_up(now);
    changed_ = false;
    for (Tree& tree : trees_) write(tree, row);
    budget_.spent(thread_cpu_time() - begin);
  }
  ReadingCost cost() const { return budget_.cost(); }

 private:
  using Members = std::map<std::int32_t, ProcessMember>;

  Tree& all() { return trees_.back(); }

  Members::iterator remove(Members::iterator member) {
    const ProcessCounters counted = member->second.counted();
    trees_[member->second.target()].dead.add(counted);
    all().dead.add(counted);
    if (member->second.keeps_open()) --kept_open_;
    if (member->second.gone()) --gone_;
    changed_ = true;
    return members_.erase(member);
  }

  // Read once a second, and gone on with by our own clock.
  void keep_uptime(Timestamp now) {
    if (uptime_read_ == Timestamp{} || now - uptime_read_ >= std::chrono::seconds(1)) {
      uptime_read_ = now;
      read_uptime_s_ = kUnknown;
      const auto text = uptime_file_.read(context_.buffer);
      std::string_view rest = text.value_or("");
      if (const auto uptime = parse_number<double>(take_word(rest))) read_uptime_s_ = *uptime;
    }
    uptime_s_ = read_uptime_s_ + to_seconds(now - uptime_read_);
  }

  // In rotation from where the last tick stopped, as long as the budget lasts.
  void read_members(Duration begin) {
    if (!budget_.may_spend() || members_.empty()) return;
    const std::size_t most = std::min<std::size_t>(kProcessesPerTick, members_.size());
    for (std::size_t i = 0; i < most; ++i) {
      auto member = members_.upper_bound(cursor_);
      if (member == members_.end()) member = members_.begin();
      cursor_ = member->first;
      if (!member->second.gone()) read_member(member->second);
      ++visited_;
      if (!budget_.may_spend(thread_cpu_time() - begin)) break;
    }
    if (gone_ > kMaxGone) {
      for (auto member = members_.begin(); member != members_.end();) {
        member = member->second.gone() ? remove(member) : std::next(member);
      }
    }
  }

  void read_member(ProcessMember& member) {
    const bool kept = member.keeps_open();
    const auto outcome = member.read(context_, kept || kept_open_ < kKeptOpen);
    kept_open_ += static_cast<int>(member.keeps_open()) - static_cast<int>(kept);
    if (outcome == ProcessMember::Outcome::kGone) ++gone_;
    changed_ = true;
  }

  void sum_up(Timestamp now) {
    for (Tree& tree : trees_) {
      tree.sum = {};
      tree.sum.counters = tree.dead;
    }
    for (const auto& [pid, member] : members_) {
      add(trees_[member.target()].sum, member);
      add(all().sum, member);
    }
    // A rate needs counters of one moment: those of members read at different ticks would show a rest, and then a burst.
    const bool whole = visited_ >= members_.size();
    for (Tree& tree : trees_) finish(tree, now, whole);
    if (whole) visited_ = 0;
  }

  static void add(Tree::Sum& sum, const ProcessMember& member) {
    sum.counters.add(member.counted());
    if (!member.was_read() && !member.newborn() && !member.gone()) sum.unread = true;
    if (!member.alive()) return;
    ++sum.processes;
    if (!member.was_read()) return;
    ++sum.read;
    sum.anon += static_cast<double>(member.memory().anon);
    sum.swap += static_cast<double>(member.memory().swap);
    sum.descriptors += member.descriptors();
    sum.threads += member.stat().threads;
    // Pages shared within a tree are in the RSS of each process: the largest stands for all.
    sum.shared = std::max(sum.shared, static_cast<double>(member.memory().file + member.memory().shmem));
    sum.file = std::max(sum.file, static_cast<double>(member.memory().file));
    sum.shmem = std::max(sum.shmem, static_cast<double>(member.memory().shmem));
    sum.oldest = std::min(sum.oldest, member.stat().start_ticks);
  }

  void finish(Tree& tree, Timestamp now, bool whole) const {
    const Tree::Sum& sum = tree.sum;
    const auto counter = [&](ProcessCounters::Index index) { return sum.counters.value[index]; };
    const std::array cpu = {tree.values[kCpuUser], tree.values[kCpuSystem], tree.values[kCpuTotal]};
    tree.values.fill(kUnknown);
    tree.values[kProcesses] = sum.processes;
    tree.oldest_start_ticks = sum.oldest;
    if (sum.unread) return;
    if (!whole) {
      std::copy(cpu.begin(), cpu.end(), tree.values.begin() + kCpuUser);
    } else if (const auto change = tree.cpu.push(now, {counter(ProcessCounters::kUser), counter(ProcessCounters::kSystem)})) {
      tree.values[kCpuUser] = 100 * std::max(change->amount[0], 0.0) / change->seconds;
      tree.values[kCpuSystem] = 100 * std::max(change->amount[1], 0.0) / change->seconds;
      tree.values[kCpuTotal] = tree.values[kCpuUser] + tree.values[kCpuSystem];
    }
    tree.values[kMinor] = counter(ProcessCounters::kMinorFaults);
    tree.values[kMajor] = counter(ProcessCounters::kMajorFaults);
    tree.values[kVoluntary] = counter(ProcessCounters::kVoluntary);
    tree.values[kInvoluntary] = counter(ProcessCounters::kInvoluntary);
    if (sum.read == 0) return;
    tree.values[kRss] = sum.anon + sum.shared;
    tree.values[kAnon] = sum.anon;
    tree.values[kSwap] = sum.swap;
    tree.values[kFile] = sum.file;
    tree.values[kShmem] = sum.shmem;
    tree.values[kFds] = sum.descriptors;
    tree.values[kThreads] = sum.threads;
  }

  void write(Tree& tree, std::span<double> row) const {
    if (tree.sum.read > 0 && !tree.sum.unread) {
      const double started_s =
          static_cast<double>(tree.oldest_start_ticks) / static_cast<double>(context_.ticks_per_second);
      tree.values[kAge] = uptime_s_ >= started_s ? uptime_s_ - started_s : kUnknown;
    }
    for (std::size_t v = 0; v < kValues; ++v) {
      if (tree.ids[v] && *tree.ids[v] < row.size()) row[*tree.ids[v]] = tree.values[v];
    }
  }

  ProcessReadContext context_;
  ProcFile uptime_file_;
  Timestamp uptime_read_{};
  double read_uptime_s_ = kUnknown;  // then
  double uptime_s_ = kUnknown;  // at the last tick
  CostBudget budget_;
  std::vector<Tree> trees_;  // one for each target, then all together
  Members members_;
  std::int32_t cursor_ = 0;  // the pid read last
  int kept_open_ = 0;
  std::size_t gone_ = 0;
  std::size_t visited_ = 0;  // members, since the last sums that all were read for
  bool changed_ = false;  // since the last sums
  bool ever_ = false;     // there was a member
};

ProcessMetrics::ProcessMetrics(const MetricCatalogue& catalogue, const std::vector<std::string>& target_names,
                               const std::string& proc, double cpu_share)
    : impl_(std::make_unique<Impl>(catalogue, target_names, proc, cpu_share)) {}
ProcessMetrics::~ProcessMetrics() = default;
void ProcessMetrics::began(std::int32_t pid, std::size_t target) { impl_->began(pid, target); }
void ProcessMetrics::ended(std::int32_t pid, double user_s, double system_s, Timestamp now) { impl_->ended(pid, user_s, system_s, now); }
void ProcessMetrics::read(Timestamp now, std::span<double> row) { impl_->read(now, row); }
ReadingCost ProcessMetrics::cost() const { return impl_->cost(); }

}  // namespace fdr
