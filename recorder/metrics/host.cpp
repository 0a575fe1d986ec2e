#include "recorder/metrics/host.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <utility>

#include "recorder/cost/self_cost.hpp"
#include "recorder/metrics/cpu_states.hpp"
#include "recorder/metrics/proc_file.hpp"
#include "recorder/metrics/sliding_second.hpp"
#include "recorder/metrics/straight_line.hpp"
#include "recorder/metrics/sum_of_many.hpp"
#include "recorder/system/pretend.hpp"
#include "recorder/system/proc_text.hpp"

namespace fdr {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint64_t kMeasureEvery = 4;  // readings: asking for the thread's CPU time is a system call, too, and a file costs what it cost before
constexpr double kMostPause_s = 2;         // after a reading that cost the most

double share_in_percent(double part, double whole) { return std::clamp(100 * part / whole, 0.0, 100.0); }

// Sums counters whose names begin alike; unknown where there is none.
void add_known(double& sum, double value) { sum = std::isnan(sum) ? value : sum + value; }

}  // namespace

class HostMetrics::Impl {
 public:
  Impl(const MetricCatalogue& catalogue, const std::string& proc)
      : ticks_per_second_(sysconf(_SC_CLK_TCK)), page_size_(static_cast<double>(sysconf(_SC_PAGESIZE))), states_(catalogue) {
    using Text = std::string_view;
    using Out = std::span<double>;
    // In each row: the file, the share of one CPU it may cost, the metrics in the order in which the parser writes them. All together may
    // have 0.13 % (an idle recorder has 0.5 %): CPU time and free memory are known at each tick, what is looked at over seconds a
    // few times in one.
    const auto add = [&](const std::string& file, double share, std::vector<std::string> names, Parser parser) -> Source& {
      std::string path = proc + "/" + file;
      return sources_.emplace_back(file.starts_with("pressure/") ? unless_missing("psi", std::move(path)) : std::move(path), share, std::move(names), std::move(parser), catalogue);
    };
    add("stat", 0.0004,
        {"host.cpu.user", "host.cpu.system", "host.cpu.iowait", "host.cpu.irq", "host.cpu.softirq", "host.cpu.steal",
         "host.cpu.busy"},
        [this](Text text, Timestamp now, Out out) { cpu(text, now, out); });
    add("meminfo", 0.0003,
        {"host.mem.total", "host.mem.free", "host.mem.available", "host.mem.cached", "host.mem.dirty", "host.mem.anon",
         "host.mem.slab", "host.mem.buffers", "host.mem.swap_cached", "host.mem.shared", "host.mem.page_tables",
         "host.mem.kernel_stacks", "host.mem.per_cpu", "host.mem.vmalloc", "host.mem.huge_pages", "host.swap.used"},
        [](Text text, Timestamp, Out out) { memory(text, out); });
    add("vmstat", 0.0002,  // of its first page: what is asked for ends at 3 KB (6.18), and each page costs all of it again
        {"host.swap.in", "host.swap.out", "host.vm.scan", "host.vm.steal", "host.vm.allocstall", "host.vm.faults",
         "host.vm.compactstall", "host.vm.oom_kill"},
        [this](Text text, Timestamp, Out out) { vm(text, out); });
    add("pressure/cpu", 0.00004, {"host.psi.cpu.some", "host.psi.cpu.full"},
        [this](Text text, Timestamp now, Out out) { pressure(text, now, psi_[0], out); });
    add("pressure/memory", 0.00004, {"host.psi.memory.some", "host.psi.memory.full"},
        [this](Text text, Timestamp now, Out out) { pressure(text, now, psi_[1], out); });
    add("pressure/io", 0.00004, {"host.psi.io.some", "host.psi.io.full"},
        [this](Text text, Timestamp now, Out out) { pressure(text, now, psi_[2], out); });
    add("sys/fs/dentry-state", 0.00003, {"host.dentries", "host.dentries.unused", "host.dentries.negative"},
        [](Text text, Timestamp, Out out) { dentries(text, out); });
    add("sys/fs/inode-state", 0.00003, {"host.inodes"}, [](Text text, Timestamp, Out out) { first_number(text, out); });
    add("sys/fs/file-nr", 0.00003, {"host.files"}, [](Text text, Timestamp, Out out) { first_number(text, out); });
    add("net/snmp", 0.00005, {"host.net.udp.rcvbuf_errors", "host.net.tcp.retransmits"},
        [](Text text, Timestamp, Out out) { snmp(text, out); });
    add("net/sockstat", 0.00003, {"host.mem.sockets"}, [this](Text text, Timestamp, Out out) { sockets(text, out); });
    add("net/netstat", 0.0001, {"host.net.tcp.listen_overflows"},
        [](Text text, Timestamp, Out out) { netstat(text, out); });
    add("net/dev", 0.00004, {"host.net.rx.bytes", "host.net.tx.bytes", "host.net.errors", "host.net.drops"},
        [this](Text text, Timestamp, Out out) { interfaces(text, out); }).reads = ProcFile::Reads::kToTheEnd;
  }

  void read(Timestamp now, std::span<double> row) {
    for (Source& source : sources_) {
      source.budget.advance(now);
      if (source.file.is_open() && source.budget.may_spend()) {
        const bool measured = source.budget.readings() % kMeasureEvery == 0;
        const Duration begin = measured ? thread_cpu_time() : Duration{};
        const auto text = source.file.read(buffer_, source.reads);
        std::fill(source.values.begin(), source.values.end(), kUnknown);
        if (text) source.parse(*text, now, source.values);
        source.learn(now);
        source.budget.spent(measured ? source.measured(thread_cpu_time() - begin) : source.cost);
      }
      for (std::size_t i = 0; i < source.ids.size(); ++i) {
        if (source.ids[i] && *source.ids[i] < row.size()) row[*source.ids[i]] = source.counts[i] ? source.lines[i].at(now) : source.values[i];
      }
    }
    states_.write(row);
  }

  std::vector<std::string> problems() const {
    std::vector<std::string> problems;
    for (const Source& source : sources_) {
      if (source.file.error() == 0) continue;
      std::string names;
      for (const std::string& name : source.names) names += (names.empty() ? "" : ", ") + name;
      problems.push_back(names + ": " + source.path + ": " + std::strerror(source.file.error()));
    }
    return problems;
  }

  std::vector<FileCost> costs() const {
    std::vector<FileCost> costs;
    for (const Source& source : sources_) costs.push_back({source.path, source.names, source.budget.cost()});
    return costs;
  }

 private:
  using Parser = std::function<void(std::string_view, Timestamp, std::span<double>)>;

  struct Source {
    Source(std::string file_path, double share, std::vector<std::string> metric_names, Parser parser,
           const MetricCatalogue& catalogue)
        : path(std::move(file_path)),
          file(path),
          budget(share, kMostPause_s),
          names(std::move(metric_names)),
          parse(std::move(parser)),
          values(names.size(), kUnknown),
          lines(names.size()) {
      for (const std::string& name : names) {
        ids.push_back(catalogue.find(name));
        // Whom the kernel killed is known at once, and is never a third of somebody.
        counts.push_back(ids.back() && catalogue.info(*ids.back()).kind == MetricKind::kCounter && name != "host.vm.oom_kill");
      }
    }
    void learn(Timestamp now) {
      for (std::size_t i = 0; i < values.size(); ++i)
        if (counts[i]) lines[i].learn(now, values[i]);
    }
    // What the readings up to the next measured one are taken to cost: the lesser of the last two, since one may have been held up (an
    // interrupt, a cold cache) and would be charged again and again.
    Duration measured(Duration found) {
      cost = std::min(found, std::exchange(found_before, found));
      return found;
    }
    std::string path;
    ProcFile file;
    ProcFile::Reads reads = ProcFile::Reads::kOneRead;
    CostBudget budget;
    Duration cost{}, found_before = Duration::max();  // of a reading
    std::vector<std::string> names;
    Parser parse;
    std::vector<double> values;       // the last ones read
    std::vector<StraightLine> lines;  // of the counters among them
    std::vector<bool> counts;
    std::vector<std::optional<MetricId>> ids;
  };

  void cpu(std::string_view text, Timestamp now, std::span<double> out) {
    const auto t = parse_proc_stat(text, ticks_per_second_);
    if (!t) return;
    states_.push(text, ticks_per_second_, now);
    const auto change = cpu_.push(now, cpu_seconds(*t));
    if (const auto shares = change ? cpu_shares(change->amount) : std::nullopt) std::copy(shares->begin(), shares->end(), out.begin());
  }

  static void memory(std::string_view text, std::span<double> out) {
    static constexpr std::array<std::string_view, 15> kNames = {
        "MemTotal", "MemFree",    "MemAvailable", "Cached", "Dirty",      "AnonPages",   "Slab",   "Buffers",
        "SwapCached", "Shmem", "PageTables", "KernelStack", "Percpu", "VmallocUsed", "Hugetlb"};
    double swap_total = kUnknown, swap_free = kUnknown;
    for_each_field(text, [&](std::string_view name, double value) {
      const auto found = std::find(kNames.begin(), kNames.end(), name);
      if (found != kNames.end()) {
        out[static_cast<std::size_t>(found - kNames.begin())] = value;
      } else if (name == "SwapTotal") {
        swap_total = value;
      } else if (name == "SwapFree") {
        swap_free = value;
      }
    });
    out[kNames.size()] = swap_total - swap_free;
  }

  void vm(std::string_view text, std::span<double> out) const {
    for_each_field(text, [&](std::string_view name, double value) {
      if (name == "pswpin") {
        out[0] = value * page_size_;
      } else if (name == "pswpout") {
        out[1] = value * page_size_;
      } else if (name.starts_with("pgscan_")) {
        // By who scanned; _anon and _file count the same pages again (5.8), _throttle counts waits. Zones before 4.8.
        if (name != "pgscan_anon" && name != "pgscan_file" && name != "pgscan_direct_throttle")
          add_known(out[2], value);
      } else if (name.starts_with("pgsteal_")) {
        if (name != "pgsteal_anon" && name != "pgsteal_file") add_known(out[3], value);
      } else if (name.starts_with("allocstall")) {
        add_known(out[4], value);  // one per zone since 4.10
      } else if (name == "pgfault") {
        out[5] = value;
      } else if (name == "compact_stall") {
        out[6] = value;
      } else if (name == "oom_kill") {
        out[7] = value;  // since 4.13
      }
    });
  }

  static void pressure(std::string_view text, Timestamp now, SlidingSecond<2>& history, std::span<double> out) {
    const auto totals = parse_pressure(text);
    if (!totals) return;
    const auto change = history.push(now, {totals->some, totals->full});
    if (!change) return;
    for (std::size_t i = 0; i < 2; ++i) {
      out[i] = std::isnan(change->amount[i]) ? kUnknown : share_in_percent(change->amount[i], change->seconds);
    }
  }

  static void dentries(std::string_view text, std::span<double> out) {
    // nr_dentry nr_unused age_limit want_pages nr_negative; the last is 0 before 5.0, and never on a host that lives.
    std::string_view line = take_line(text);
    if (const auto count = parse_count(take_word(line))) out[0] = *count;
    if (const auto unused = parse_count(take_word(line))) out[1] = *unused;
    take_word(line), take_word(line);
    if (const auto negative = parse_count(take_word(line)); negative && *negative > 0) out[2] = *negative;
  }

  static void first_number(std::string_view text, std::span<double> out) {
    std::string_view line = take_line(text);
    if (const auto count = parse_count(take_word(line))) out[0] = *count;
  }

  static void snmp(std::string_view text, std::span<double> out) {
    for_each_net_counter(text, [&](std::string_view protocol, std::string_view name, double value) {
      if (protocol == "Udp" && name == "RcvbufErrors") out[0] = value;
      if (protocol == "Tcp" && name == "RetransSegs") out[1] = value;
    });
  }

  // "TCP: inuse 5 orphan 0 tw 0 alloc 8 mem 1", in pages; of the recorder's network namespace only the counts are, `mem` is
  // the host's (tcp_memory_allocated).
  void sockets(std::string_view text, std::span<double> out) const {
    while (!text.empty()) {
      std::string_view line = take_line(text);
      const std::string_view protocol = take_word(line);
      if (protocol != "TCP:" && protocol != "UDP:") continue;
      for (std::string_view word = take_word(line); !word.empty(); word = take_word(line))
        if (word == "mem")
          if (const auto pages = parse_count(take_word(line))) add_known(out[0], *pages * page_size_);
    }
  }

  static void netstat(std::string_view text, std::span<double> out) {
    for_each_net_counter(text, [&](std::string_view protocol, std::string_view name, double value) {
      if (protocol == "TcpExt" && name == "ListenOverflows") out[0] = value;
    });
  }

  // "  eth0: rx bytes packets errs drop fifo frame compressed multicast, tx bytes packets errs drop ...", below two lines of titles.
  void interfaces(std::string_view text, std::span<double> out) {
    while (!text.empty()) {
      std::string_view line = take_line(text);
      const std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      std::string_view name = line.substr(0, colon);
      name = take_word(name);
      if (name == "lo") continue;
      line.remove_prefix(colon + 1);
      std::array<double, 12> fields{};
      bool whole = true;
      for (double& field : fields) {
        const auto count = parse_count(take_word(line));
        whole = whole && count;
        field = count.value_or(0);
      }
      if (!whole) continue;
      interfaces_.add(name, {fields[0], fields[8], fields[2] + fields[10], fields[3] + fields[11]});
    }
    if (const auto sums = interfaces_.done()) std::copy(sums->begin(), sums->end(), out.begin());
  }

  const long ticks_per_second_;
  const double page_size_;
  SlidingSecond<7> cpu_;
  CpuStates states_;
  std::array<SlidingSecond<2>, 3> psi_;
  SumOfMany<4> interfaces_;
  std::vector<Source> sources_;
  std::string buffer_;
};

HostMetrics::HostMetrics(const MetricCatalogue& catalogue, const std::string& proc)
    : impl_(std::make_unique<Impl>(catalogue, proc)) {}
HostMetrics::~HostMetrics() = default;
void HostMetrics::read(Timestamp now, std::span<double> row) { impl_->read(now, row); }
std::vector<std::string> HostMetrics::problems() const { return impl_->problems(); }
std::vector<HostMetrics::FileCost> HostMetrics::costs() const { return impl_->costs(); }

}  // namespace fdr
