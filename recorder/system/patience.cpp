#include "recorder/system/patience.hpp"

#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <system_error>
#include <utility>

#include "recorder/system/quiet_thread.hpp"

namespace fdr {
namespace {

constexpr std::chrono::milliseconds kPatience(500);
constexpr std::size_t kMostLeft = 32;  // threads left behind; past them nothing is begun

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

// What was left behind: note by key. Lives for ever: some may come back while we end.
struct Left {
  std::mutex mutex;
  std::map<std::string, std::string> notes;
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
  std::string key;
  std::function<void()> work;
  Urgency urgency;
  bool done = false;
};

void serve(Desk& desk) {
  std::unique_lock lock(desk.mutex);
  for (Urgency urgency = Urgency::of_this_thread();;) {
    desk.changed.wait(lock, [&] { return desk.state == Desk::kAsked || desk.state == Desk::kAlone; });
    if (desk.state == Desk::kAlone) return;
    const std::function<void()> work = std::exchange(desk.work, nullptr);
    lock.unlock();
    if (!(urgency == desk.urgency)) (urgency = desk.urgency).take();
    bool done = true;
    try {
      work();
    } catch (const std::bad_alloc&) {  // the caller has no room for it either
      done = false;
    }
    lock.lock();
    if (desk.state == Desk::kAlone) {
      const std::lock_guard of_all(left().mutex);
      left().notes.erase(desk.key);
      return;
    }
    desk.done = done;
    desk.state = Desk::kBack;
    desk.changed.notify_all();
  }
}

class Helper {
 public:
  ~Helper() {
    if (!desk_) return;
    const std::lock_guard lock(desk_->mutex);
    desk_->state = Desk::kAlone;
    desk_->changed.notify_all();
  }

  bool run(const std::string& key, const std::string& note, std::function<void()> work) {
    {
      const std::lock_guard of_all(left().mutex);
      if (left().notes.contains(key) || left().notes.size() >= kMostLeft) return false;
    }
    if (!desk_ && !start()) return work(), true;
    std::unique_lock lock(desk_->mutex);
    desk_->key = key;
    desk_->work = std::move(work);
    desk_->urgency = Urgency::of_this_thread();
    desk_->state = Desk::kAsked;
    desk_->changed.notify_all();
    if (desk_->changed.wait_for(lock, kPatience, [&] { return desk_->state == Desk::kBack; })) {
      desk_->state = Desk::kIdle;
      return desk_->done;
    }
    {
      const std::lock_guard of_all(left().mutex);
      left().notes.emplace(key, note);
    }
    desk_->state = Desk::kAlone;
    lock.unlock();
    desk_.reset();  // the next one gets another thread
    return false;
  }

 private:
  bool start() {
    auto desk = std::make_shared<Desk>();
    try {
      quiet_thread("fdr-wait", 0, [desk] { serve(*desk); }).detach();
    } catch (const std::system_error&) {
      return false;
    }
    desk_ = std::move(desk);
    return true;
  }

  std::shared_ptr<Desk> desk_;
};

std::optional<Helper>& slot() {
  thread_local std::optional<Helper> helper;
  return helper;
}

Helper& helper() {
  if (!slot()) slot().emplace();
  return *slot();
}

}  // namespace

bool patiently(const std::string& key, const std::string& note, std::function<void()> work) { return helper().run(key, note, std::move(work)); }

void end_patience() { slot().reset(); }

std::vector<std::string> awaited() {
  std::vector<std::string> notes;
  const std::lock_guard lock(left().mutex);
  for (const auto& [key, note] : left().notes) notes.push_back(note);
  return notes;
}

}  // namespace fdr
