// Leaks beside churn in C++, for tests/e2e/growth.py: `leaks_cpp MODE`; see leaks.c.
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace {

// A cache that nothing is ever taken out of, beside messages that come and go.
std::map<unsigned, std::string> cache;
[[gnu::noinline]] void leak_site_cache(unsigned i) {
  for (unsigned k = 0; k < 20; ++k) cache.emplace(i * 20 + k, std::string(1000, 'x'));
}
[[gnu::noinline]] void churn_site_messages() {
  std::vector<std::string> messages;
  for (int k = 0; k < 100; ++k) messages.emplace_back(static_cast<std::size_t>(100 + k * 40), 'y');
}
void cache_beside_messages(unsigned i) {
  leak_site_cache(i);
  churn_site_messages();
}

// One buffer for each instance, beside a table that is built and dropped.
struct Instance {
  std::vector<char> buffer = std::vector<char>(300 << 10, 1);
};
std::vector<std::unique_ptr<Instance>> instances;
[[gnu::noinline]] void leak_site_instances() { instances.push_back(std::make_unique<Instance>()); }
[[gnu::noinline]] void churn_site_table() {
  std::unordered_map<int, std::vector<int>> table;
  for (int k = 0; k < 500; ++k) table[k].resize(100);
}
void instances_beside_table(unsigned i) {
  if (i % 8 == 0) leak_site_instances();
  churn_site_table();
}

}  // namespace

int main(int argc, char** argv) {
  void (*step)(unsigned) = nullptr;
  if (argc > 1 && !std::strcmp(argv[1], "cache")) step = cache_beside_messages;
  if (argc > 1 && !std::strcmp(argv[1], "instances")) step = instances_beside_table;
  if (!step) return std::fputs("usage: leaks_cpp cache|instances\n", stderr), 2;
  const std::time_t end = std::time(nullptr) + 60;
  for (unsigned i = 0; std::time(nullptr) < end; ++i) {
    step(i);
    if (i % 4 == 0) ::usleep(1500);
  }
}
