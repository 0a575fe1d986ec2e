#include "recorder/go/go_programs.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/system/quiet_thread.hpp"
#include "recorder/system/silent_files.hpp"
#include "recorder/system/small_file.hpp"
#include "recorder/targets/patient_memory.hpp"
#include "unwind/address_space.hpp"
#include "unwind/elf_image.hpp"
#include "unwind/live/goroutines.hpp"

namespace fdr {
namespace {

constexpr int kNice = 10;
constexpr double kShare = 0.05;
constexpr int kTries = 10;
constexpr Duration kTryEvery = std::chrono::seconds(1);
constexpr std::size_t kMaxJobs = 256, kMaxFilesKept = 1024;

// Empty where there is nothing to be read; nothing while its memory is locked.
std::optional<std::string> read_maps(std::int32_t pid) {
  const auto text = std::make_shared<std::string>();
  const bool done = with_memory_of(pid, [text, pid] { *text = read_small_file(fmt::format("/proc/{}/maps", pid), 16u << 20).value_or(""); });
  return done ? std::optional(std::move(*text)) : std::nullopt;
}

// By how much the program lies elsewhere than its linker thought.
std::optional<std::uint64_t> bias_of(std::int32_t pid, const std::string& maps, const ElfImage& image) {
  std::string path = read_link(fmt::format("/proc/{}/exe", pid));
  if (constexpr std::string_view kGone = " (deleted)"; path.ends_with(kGone)) path.resize(path.size() - kGone.size());
  for (const Mapping& mapping : parse_maps(maps)) {
    if (mapping.module.kind != ModuleKind::kFile || mapping.module.path != path) continue;
    if (const auto vaddr = image.vaddr_of_offset(mapping.file_offset)) return mapping.start - *vaddr;
  }
  return std::nullopt;
}

}  // namespace

GoPrograms::GoPrograms() {
  thread_ = quiet_thread("fdr-go", kNice, [this] { work(); });
}

GoPrograms::~GoPrograms() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  woken_.notify_all();
  thread_.join();
}

void GoPrograms::ask(std::int32_t pid, Known& known, Timestamp now) {
  known.again = {};
  known.asked = ++asked_;
  {
    const std::lock_guard lock(mutex_);
    if (jobs_.size() >= kMaxJobs) {
      known.again = now + kTryEvery;
      return;
    }
    jobs_.push_back({pid, known.target, known.asked});
  }
  woken_.notify_all();
}

void GoPrograms::began(std::int32_t pid, std::uint32_t target) {
  Known& known = known_[pid];
  known = {};
  known.target = target;
  ask(pid, known, MonotonicClock::now());
}

void GoPrograms::follow(const ProcessTable::Changes& changes, Timestamp now) {
  for (const TargetExit& exit : changes.exits)
    if (exit.replaced) known_.erase(exit.pid);
  // A forked child runs what its parent runs until it execs: nothing is looked at for that.
  for (const auto& [pid, target] : changes.started) known_.try_emplace(pid).first->second.target = target;
  for (const std::int32_t pid : changes.execed)
    if (const auto known = known_.find(pid); known != known_.end()) began(pid, known->second.target);
  for (const TargetExit& exit : changes.exits)
    if (!exit.replaced) known_.erase(exit.pid);
  take_answers(now);
  for (auto& [pid, known] : known_)
    if (known.again != Timestamp{} && now >= known.again) ask(pid, known, now);
}

void GoPrograms::take_answers(Timestamp now) {
  std::vector<Answer> answers;
  {
    const std::lock_guard lock(mutex_);
    answers = std::exchange(answers_, {});
  }
  for (Answer& answer : answers) {
    const auto entry = known_.find(answer.job.pid);
    if (entry == known_.end() || entry->second.asked != answer.job.number) continue;
    Known& known = entry->second;
    known.program = std::move(answer.program);
    if (answer.locked || (answer.not_begun && ++known.tries < kTries)) known.again = now + kTryEvery;
  }
}

std::string GoPrograms::problem() const {
  const std::lock_guard lock(mutex_);
  return problem_;
}

GoProgramList GoPrograms::all() const {
  GoProgramList list;
  for (const auto& [pid, known] : known_)
    if (known.program) list.push_back(known.program);
  return list;
}

bool GoPrograms::known_not_go(const std::string& path) {
  struct stat file {};
  looking_at_ = {};
  if (::stat(path.c_str(), &file) != 0) return true;  // gone
  looking_at_ = {file.st_dev, file.st_ino, static_cast<std::uint64_t>(file.st_size),
                 static_cast<std::uint64_t>(file.st_mtim.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(file.st_mtim.tv_nsec)};
  return not_go_.contains(looking_at_);
}

GoPrograms::Answer GoPrograms::look(const Job& job) {
  Answer answer{.job = job, .program = nullptr};
  const std::string file = fmt::format("/proc/{}/exe", job.pid);
  if (!answers(file) || known_not_go(file)) return answer;
  std::string problem;
  const auto image = ElfImage::open(file, &problem);
  const auto table = image ? GoPclntab::of(*image, &problem) : std::nullopt;
  if (image && !table) {
    if (not_go_.size() == kMaxFilesKept) not_go_.clear();
    not_go_.insert(looking_at_);
  }
  if (!table) return answer;
  const auto maps = read_maps(job.pid);
  answer.locked = !maps;
  const auto bias = maps ? bias_of(job.pid, *maps, *image) : std::nullopt;
  if (!bias) return answer;
  const RemoteMemory memory = patient_memory_of(job.pid);
  auto program = std::make_shared<GoProgram>();
  program->pid = job.pid;
  program->target = job.target;
  program->runtime = find_go_runtime(*image, *table, *bias, memory);
  program->seen = MonotonicClock::now();
  program->goroutines_at_start = count_goroutines(program->runtime, memory);
  program->heap_at_start = read_heap(program->runtime, memory);
  // Locked since: what is missing of it is no trait of the program.
  answer.locked = !with_memory_of(job.pid, [] {});
  if (answer.locked) return answer;
  answer.not_begun = program->runtime.not_begun;
  answer.program = std::move(program);
  return answer;
}

// Where there is no memory for that either, the process counts as none of Go.
void GoPrograms::keep(Answer answer, std::string_view problem) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (!problem.empty()) problem_ = fmt::format("process {} was not looked at for Go: {}", answer.job.pid, problem);
    answers_.push_back(std::move(answer));
  } catch (const std::exception&) {
  }
}

void GoPrograms::work() {
  CostBudget budget(kShare);
  std::unique_lock lock(mutex_);
  for (;;) {
    woken_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    budget.advance(MonotonicClock::now());
    if (!budget.may_spend()) {
      woken_.wait_for(lock, std::chrono::milliseconds(200), [this] { return ending_; });
      continue;
    }
    const Job job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    const Duration begin = cpu_time_with_reads();
    try {
      keep(look(job), {});
    } catch (const std::exception& error) {  // no memory for what a file says, say
      keep({.job = job, .program = nullptr, .not_begun = true}, error.what());
    }
    budget.spent(cpu_time_with_reads() - begin);
    lock.lock();
  }
}

}  // namespace fdr
