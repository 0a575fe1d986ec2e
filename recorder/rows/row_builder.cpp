#include "recorder/rows/row_builder.hpp"


#include <utility>

#include "recorder/cost/cost_budget.hpp"
#include "recorder/cost/self_cost.hpp"
#include "recorder/decode/module_sources.hpp"
#include "recorder/system/quiet_thread.hpp"
#include "unwind/module_files.hpp"
#include "unwind/own_vdso.hpp"

namespace fdr {
namespace {

constexpr int kNice = 10;
constexpr double kShare = 0.05;  // of one CPU, once five seconds' worth of it (a quarter of a second) are used up

void build(RowJob& job, BuiltRows& built) {
  // Opened and closed with the job: what was touched of a file's pages would count as ours as long as it is mapped.
  ModuleFiles files(while_recording());
  if (job.module.kind == ModuleKind::kVdso) files.add_image(job.module, own_vdso());
  for (std::string& source : job.sources) files.add_source(job.module, std::move(source));
  if (const ElfImage* image = files.find(job.module)) {
    built.build_id = image->build_id();
    built.rows = rows_of(*image);
    built.segments = image->segments();
  } else {
    built.problem = files.reason(job.module);
  }
}

BuiltRows built_of(RowJob job) {
  BuiltRows built;
  const Duration begin = thread_cpu_time();
  try {
    build(job, built);
  } catch (const std::exception& error) {  // no memory for them
    built.rows = {};
    built.problem = error.what();
  }
  built.module = std::move(job.module);
  built.cost = thread_cpu_time() - begin;
  return built;
}

}  // namespace

RowBuilder::RowBuilder() {
  thread_ = quiet_thread("fdr-rows", kNice, [this] { work(); });
}

RowBuilder::~RowBuilder() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  asked_.notify_all();
  thread_.join();
}

void RowBuilder::ask(RowJob job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  asked_.notify_all();
}

std::vector<BuiltRows> RowBuilder::collect() {
  const std::lock_guard lock(mutex_);
  return std::exchange(built_, {});
}

void RowBuilder::work() {
  CostBudget budget(kShare);
  std::unique_lock lock(mutex_);
  for (;;) {
    asked_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (ending_) return;
    budget.advance(MonotonicClock::now());
    if (!budget.may_spend()) {
      asked_.wait_for(lock, std::chrono::milliseconds(200), [this] { return ending_; });
      continue;
    }
    RowJob job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    BuiltRows built = built_of(std::move(job));
    budget.spent(built.cost);
    lock.lock();
    built_.push_back(std::move(built));
  }
}

}  // namespace fdr
