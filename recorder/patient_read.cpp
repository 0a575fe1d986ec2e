#include "recorder/patient_read.hpp"

#include <fmt/format.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <new>
#include <system_error>

#include "recorder/quiet_thread.hpp"
#include "recorder/small_file.hpp"

namespace fdr {
namespace {

constexpr std::chrono::milliseconds kPatience(500);
constexpr std::size_t kMostLeft = 8;  // threads left behind; past them nobody's memory is asked for

struct Urgency {
  int policy = 0, nice = 0;
  sched_param priority{};

  static Urgency of_this_thread() {
    Urgency urgency{.policy = ::sched_getscheduler(0), .nice = ::getpriority(PRIO_PROCESS, 0)};
    ::sched_getparam(0, &urgency.priority);
    return urgency;
  }
  // Where it may not be, it is as urgent as may be.
  void take() const {
    ::setpriority(PRIO_PROCESS, 0, nice);
    ::sched_setscheduler(0, policy, &priority);
  }
  bool operator==(const Urgency& other) const { return policy == other.policy && nice == other.nice && priority.sched_priority == other.priority.sched_priority; }
};

// Who was left behind, by process. Lives for ever: some may come back while we end.
struct Left {
  std::mutex mutex;
  std::set<std::int32_t> pids;
};

Left& left() {
  static auto* const all = new Left;
  return *all;
}

// Between a caller and its thread.
struct Desk {
  enum State { kIdle, kAsked, kBack, kAlone };  // kAlone: the caller is gone
  std::mutex mutex;
  std::condition_variable changed;
  State state = kIdle;
  std::int32_t pid = 0;
  std::string path;
  std::size_t most = 0;
  Urgency urgency;
  std::optional<std::string> text;
};

void serve(Desk& desk) {
  ::prctl(PR_SET_NAME, "fdr-read");
  std::unique_lock lock(desk.mutex);
  for (Urgency urgency = Urgency::of_this_thread();;) {
    desk.changed.wait(lock, [&] { return desk.state == Desk::kAsked || desk.state == Desk::kAlone; });
    if (desk.state == Desk::kAlone) return;
    lock.unlock();
    if (!(urgency == desk.urgency)) (urgency = desk.urgency).take();
    std::optional<std::string> text;
    try {
      text = read_small_file(desk.path, desk.most);
    } catch (const std::bad_alloc&) {  // the caller has no room for it either
    }
    lock.lock();
    if (desk.state == Desk::kAlone) {
      const std::lock_guard of_all(left().mutex);
      left().pids.erase(desk.pid);
      return;
    }
    desk.text = std::move(text);
    desk.state = Desk::kBack;
    desk.changed.notify_all();
  }
}

class Reader {
 public:
  ~Reader() {
    if (!desk_) return;
    const std::lock_guard lock(desk_->mutex);
    desk_->state = Desk::kAlone;
    desk_->changed.notify_all();
  }

  std::optional<std::string> read(std::int32_t pid, const char* name, std::size_t most) {
    {
      const std::lock_guard of_all(left().mutex);
      if (left().pids.contains(pid) || left().pids.size() >= kMostLeft) return std::nullopt;
    }
    const std::string path = fmt::format("/proc/{}/{}", pid, name);
    if (!desk_ && !start()) return read_small_file(path, most);
    std::unique_lock lock(desk_->mutex);
    desk_->pid = pid;
    desk_->path = path;
    desk_->most = most;
    desk_->urgency = Urgency::of_this_thread();
    desk_->state = Desk::kAsked;
    desk_->changed.notify_all();
    if (desk_->changed.wait_for(lock, kPatience, [&] { return desk_->state == Desk::kBack; })) {
      desk_->state = Desk::kIdle;
      return std::move(desk_->text);
    }
    {
      const std::lock_guard of_all(left().mutex);
      left().pids.insert(pid);
    }
    desk_->state = Desk::kAlone;
    lock.unlock();
    desk_.reset();  // the next one gets another thread
    return std::nullopt;
  }

 private:
  bool start() {
    auto desk = std::make_shared<Desk>();
    try {
      quiet_thread([desk] { serve(*desk); }).detach();
    } catch (const std::system_error&) {
      return false;
    }
    desk_ = std::move(desk);
    return true;
  }

  std::shared_ptr<Desk> desk_;
};

}  // namespace

std::optional<std::string> read_patiently(std::int32_t pid, const char* name, std::size_t most) {
  thread_local Reader reader;
  return reader.read(pid, name, most);
}

std::set<std::int32_t> withholding() {
  const std::lock_guard lock(left().mutex);
  return left().pids;
}

}  // namespace fdr
