#include "recorder/system/patience.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <thread>

#include "recorder/system/silent_files.hpp"

using namespace fdr;

TEST_CASE("patience: what comes back is done, what does not is left behind and told until it does") {
  const auto release = std::make_shared<std::promise<void>>();
  const auto waits = [gate = std::make_shared<std::future<void>>(release->get_future())] { gate->wait(); };
  CHECK_FALSE(patiently("gate", "the gate is shut", waits));
  CHECK(awaited() == std::vector<std::string>{"the gate is shut"});
  bool begun = false;
  CHECK_FALSE(patiently("gate", "", [&] { begun = true; }));
  CHECK_FALSE(begun);
  CHECK(patiently("else", "", [&] { begun = true; }));
  CHECK(begun);

  release->set_value();
  while (!awaited().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  begun = false;
  CHECK(patiently("gate", "", [&] { begun = true; }));
  CHECK(begun);
}

TEST_CASE("patience: each thread has its own; work without memory is not done") {
  CHECK_FALSE(patiently("memory", "", [] { throw std::bad_alloc(); }));
  std::thread::id helper, other;
  CHECK(patiently("a", "", [&] { helper = std::this_thread::get_id(); }));
  CHECK(helper != std::this_thread::get_id());
  std::thread([&] { CHECK(patiently("a", "", [&] { other = std::this_thread::get_id(); })); }).join();
  CHECK(other != helper);
  end_patience();
  end_patience();
  CHECK(patiently("a", "", [&] { other = std::this_thread::get_id(); }));
  CHECK(other != std::this_thread::get_id());
  CHECK(awaited().empty());
}

TEST_CASE("files that answer may be touched, and those that are not there") {
  CHECK(answers("/"));
  CHECK(answers("/nonexistent/file"));
  CHECK(answers("relative"));
  CHECK(answers("/proc/self/exe"));
  CHECK(answers_on(77, "/proc/self/exe"));
  CHECK(answers_on(77, "/nonexistent"));
}
