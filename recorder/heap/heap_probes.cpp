#include "recorder/heap/heap_probes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "formats/text.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/system/quiet_thread.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {
namespace {

constexpr int kNice = 10;
constexpr std::size_t kMostKnownFiles = 1024;
constexpr Duration kNowAndThen = std::chrono::seconds(10);

}  // namespace

HeapProbes::HeapProbes(HeapPrograms programs, std::set<std::string> targets) : programs_(programs), targets_(std::move(targets)) {
  if (!wanted()) return;
  thread_ = quiet_thread("fdr-heap", kNice, [this] { work(); });
}

HeapProbes::~HeapProbes() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

void HeapProbes::ask(Job job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  woken_.notify_all();
}

void HeapProbes::follow(const ProcessTable& table, const HeldFiles& held) {
  if (!wanted()) return;
  std::erase_if(asked_, [&](const auto& entry) {
    const auto process = table.processes().find(entry.first);
    const bool gone = process == table.processes().end() || process->second.process.ended;
    if (gone) ask({entry.second.pid, {}, {}});
    return gone;
  });
  for (const auto& [key, tracked] : table.processes()) {
    if (tracked.process.ended || tracked.spaces.empty() || !targets_.contains(tracked.process.target)) continue;
    const AddressSpace& space = *tracked.spaces.back().space;
    const auto known = asked_.find(key);
    if (known == asked_.end() && asked_.size() >= kMostProcesses) {
      const std::lock_guard lock(mutex_);
      left_out_ = true;
      continue;
    }
    Asked& asked = known == asked_.end() ? asked_[key] : known->second;
    if (asked.mappings == space.mappings().size() && asked.since == tracked.spaces.back().since) continue;
    asked.pid = tracked.process.pid;
    asked.mappings = space.mappings().size();
    asked.since = tracked.spaces.back().since;
    Job job{tracked.process.pid, {}, {}};
    for (const Mapping& mapping : space.mappings()) {
      if (mapping.module.kind != ModuleKind::kFile || !asked.modules.insert(mapping.module).second) continue;
      const auto file = held.files().find(mapping.module);
      if (file == held.files().end()) job.files.push_back({mapping.module.path, fmt::format("/proc/{}/root{}", tracked.process.pid, mapping.module.path), nullptr});
      else job.files.push_back({mapping.module.path, HeldFiles::path(file->second), file->second});
    }
    if (!job.files.empty()) ask(std::move(job));
  }
}

void HeapProbes::expect(std::int32_t pid, const std::string& target, const std::vector<std::string>& paths) {
  if (!targets_.contains(target)) return;
  Job job{pid, {}, {}};
  for (const std::string& path : paths) job.files.push_back({path, path, nullptr});
  if (!job.files.empty()) ask(std::move(job));
}

void HeapProbes::now_and_then(std::function<void()> then, Timestamp now) {
  if (!wanted() || (then_at_ != Timestamp{} && now - then_at_ < kNowAndThen)) return;
  then_at_ = now;
  ask({0, {}, std::move(then)});
}

void HeapProbes::settle(Duration most) {
  if (!wanted()) return;
  std::unique_lock lock(mutex_);
  settled_.wait_for(lock, most, [this] { return jobs_.empty() && !working_; });
}

HeapProbes::Report HeapProbes::report() const {
  const std::lock_guard lock(mutex_);
  Report report = report_;
  for (const auto& [pid, problem] : problems_) report.problems.push_back(fmt::format("heap: process {}: {}", pid, problem));
  if (left_out_) report.problems.push_back(fmt::format("heap: only the first {} processes are watched", kMostProcesses));
  return report;
}

void HeapProbes::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    working_ = false;
    if (jobs_.empty()) settled_.notify_all();
    woken_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) break;
    const Job job = std::move(jobs_.front());
    jobs_.pop_front();
    working_ = true;
    lock.unlock();
    const Duration begin = thread_cpu_time();
    std::string problem;
    try {
      look(job);
    } catch (const std::exception& error) {  // no memory for it
      problem = error.what();
    }
    const double cost = to_seconds(thread_cpu_time() - begin);
    lock.lock();
    report_.seconds += cost;
    if (!problem.empty()) problems_[job.pid] = problem;
  }
}

void HeapProbes::look(const Job& job) {
  if (job.then) return job.then();
  if (job.files.empty()) {
    probed_.erase(job.pid);
  } else {
    Probed& process = probed_[job.pid];
    for (const File& file : job.files) probe(job.pid, process, file);
  }
  const std::lock_guard lock(mutex_);
  report_.processes = report_.functions = 0;
  problems_.clear();
  for (const auto& [pid, process] : probed_) {
    report_.processes += process.functions > 0;
    report_.functions += process.functions;
    if (!process.problem.empty()) problems_[pid] = process.problem;
    else if (process.functions == 0) problems_[pid] = "no allocator was found in its files (malloc, jemalloc, mimalloc by their symbols)";
  }
}

void HeapProbes::probe(std::int32_t pid, Probed& process, const File& file) {
  struct stat status {};
  if (!answers(file.path) || ::stat(file.path.c_str(), &status) || !S_ISREG(status.st_mode)) return;
  const FileId id{status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), static_cast<std::uint64_t>(status.st_mtim.tv_sec)};
  if (!process.files.insert(id).second) return;
  const std::vector<AllocatorFunction>& functions = functions_of(id, file);
  if (functions.empty()) return;
  std::string problem;
  std::vector<FileDescriptor> links = attach_allocator(programs_, pid, file.path, functions, &problem);
  if (links.empty()) {
    process.problem = fmt::format("the allocator in {} could not be probed: {}", printable(file.name), problem);
    return;
  }
  std::move(links.begin(), links.end(), std::back_inserter(process.links));
  process.functions += functions.size();
  const std::lock_guard lock(mutex_);
  if (report_.since == Timestamp{}) report_.since = MonotonicClock::now();
  report_.files.insert(file.name);
}

const std::vector<AllocatorFunction>& HeapProbes::functions_of(const FileId& id, const File& file) {
  if (known_.size() >= kMostKnownFiles) known_.clear();
  const auto [entry, fresh] = known_.try_emplace(id);
  std::string problem;
  if (fresh)
    if (const auto image = ElfImage::open(file.path, &problem)) entry->second = allocator_functions(*image);
  return entry->second;
}

std::vector<std::string> own_allocators() {
  std::vector<std::string> paths;
  const std::string own = read_link("/proc/self/exe");
  for (const Mapping& mapping : parse_maps(read_small_file("/proc/self/maps").value_or(""))) {
    if (mapping.module.kind != ModuleKind::kFile || mapping.module.path == own) continue;
    std::string problem;
    const auto image = ElfImage::open(mapping.module.path, &problem);
    if (image && !allocator_functions(*image).empty()) paths.push_back(mapping.module.path);
  }
  return paths;
}

}  // namespace fdr
