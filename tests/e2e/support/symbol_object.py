"""A shared object with much debug information: generated C++ full of templates, namespaces, lambdas and inlining, for
e2e.symbol_chains (small) and scripts/bench --symbols (big).

The same request gives the same sources. What was built stays in build/symbol_objects under a name made of the sources,
the compiler's version and its flags: an interrupted build goes on where it stopped, another compiler builds anew. CPUs
that others use are left to them.
"""

import concurrent.futures
import hashlib
import os
import random
import subprocess

from support.scenario import ROOT

CACHE = os.path.join(ROOT, "build/symbol_objects")
_FLAGS = ["-std=c++17", "-O2", "-g", "-fPIC"]

_HEAD = """// Included first by every unit, precompiled.
#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <unordered_map>
#include <vector>

// Known to all units: one copy of each is kept, the debug information of every copy.
namespace common {
extern volatile long sink;
inline long clamp(long value, long low, long high) { return value < low ? low : value > high ? high : value; }
inline long mix(long value, long with) { return clamp(value ^ (with >> 3), -with, with + 77); }
inline long step(long value) { long mixed = mix(value, sink); sink = mixed; return mix(mixed, value + 1); }
template <class F> inline long twice(F f, long value) { return f(f(step(value))); }
template <class T> struct Cell {
  T value{};
  long seen = 0;
  const T& get() { seen = step(seen); return value; }
  void set(const T& to) { seen = mix(seen, 5); value = to; }
};
}  // namespace common

namespace {
long hidden(long value) { return common::twice([](long x) { return common::step(x) + 3; }, value); }
}  // namespace
"""

_ITEM = """
namespace UNIT { namespace items {
struct ITEM {
  int id = FIRST;
  double price = SECOND.25;
  std::string owner;
  std::vector<long> history;
  bool operator<(const ITEM& other) const { return price < other.price || (price == other.price && id < other.id); }
  long weight() const { return common::mix(id, static_cast<long>(history.size())) + static_cast<long>(owner.size()); }
};

template <class Item>
class BookOfITEM {
 public:
  using Cell = common::Cell<Item>;
  void add(Item item) {
    total_ = common::mix(total_, item.weight());
    by_owner_[item.owner].push_back(item);
    levels_[common::clamp(item.id, 0, 99)].set(std::move(item));
  }
  template <class F>
  long each(F f) {
    long sum = 0;
    for (auto& level : levels_) sum += common::twice([&](long x) { return f(level.second.get(), x); }, level.first);
    return sum;
  }
  std::vector<Item> best(std::size_t most) {
    std::vector<Item> all;
    for (const auto& owner : by_owner_)
      std::copy_if(owner.second.begin(), owner.second.end(), std::back_inserter(all),
                   [&](const Item& item) { return item.weight() > total_; });
    std::sort(all.begin(), all.end(), [](const Item& a, const Item& b) { return b < a; });
    if (all.size() > most) all.resize(most);
    return all;
  }
  long total() const { return total_; }

 private:
  std::map<long, Cell> levels_;
  std::unordered_map<std::string, std::vector<Item>> by_owner_;
  long total_ = LAST;
};
}  // namespace items

__attribute__((noinline)) long trade_ITEM(const std::vector<std::string>& owners) {
  items::BookOfITEM<items::ITEM> book;
  std::function<long(long)> adjust = [&](long x) { return common::mix(x, book.total()) + hidden(x); };
  for (const std::string& owner : owners) {
    items::ITEM item;
    item.owner = owner + "SUFFIX";
    item.history.push_back(adjust(static_cast<long>(owner.size())));
    book.add(item);
  }
  auto kept = std::make_shared<std::vector<items::ITEM>>(book.best(FIRST));
  long sum = book.each([&](const items::ITEM& item, long x) { return item.weight() + adjust(x) + LAST; });
  return std::accumulate(kept->begin(), kept->end(), sum,
                         [](long so_far, const items::ITEM& item) { return common::step(so_far) + item.weight(); });
}
}  // namespace UNIT
"""

_TAIL = """
namespace UNIT {
long all(const std::vector<std::string>& owners) { return SUM; }
}
"""


def _unit(number, items):
    chance = random.Random(number)
    unit = f"market{number}"
    names = [f"{chance.choice(['Order', 'Quote', 'Fill', 'Bid', 'Offer'])}{i}" for i in range(items)]
    text = [] if number else ["namespace common { volatile long sink; }\n"]
    for name in names:
        words = {"UNIT": unit, "ITEM": name, "SUFFIX": "x" * chance.randrange(1, 40),
                 **{word: str(chance.randrange(2, 500)) for word in ("FIRST", "SECOND", "LAST")}}
        piece = _ITEM
        for word, to in words.items():
            piece = piece.replace(word, to)
        text.append(piece)
    text.append(_TAIL.replace("UNIT", unit).replace("SUM", " + ".join(f"trade_{name}(owners)" for name in names)))
    return "".join(text)


def build(units, items, compiler="g++", flags=(), progress=lambda text: None):
    """Path of the object: `units` compilation units of `items` books each."""
    sources = [_unit(number, items) for number in range(units)]
    version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
    text = "\0".join([_HEAD, *sources, version, *_FLAGS, *flags])
    folder = os.path.join(CACHE, f"{units}x{items}-{compiler}-{hashlib.sha256(text.encode()).hexdigest()[:16]}")
    path = os.path.join(folder, "object.so")
    if os.path.exists(path):
        return path
    os.makedirs(folder, exist_ok=True)
    head = os.path.join(folder, "head.hpp")
    _write(head, _HEAD)
    _run([compiler, *_FLAGS, *flags, "-x", "c++-header", "-o", head + ".gch", head], folder)
    objects = [os.path.join(folder, f"unit{number}.o") for number in range(units)]

    def compile_one(number):
        if os.path.exists(objects[number]):
            return
        source = os.path.join(folder, f"unit{number}.cpp")
        _write(source, sources[number])
        _run([compiler, *_FLAGS, *flags, "-include", head, "-c", "-o", objects[number] + ".new", source], folder)
        os.rename(objects[number] + ".new", objects[number])

    free = max(1, (os.cpu_count() or 1) - round(os.getloadavg()[0]))
    with concurrent.futures.ThreadPoolExecutor(free) as pool:
        for number, _ in enumerate(pool.map(compile_one, range(units))):
            progress(f"building {os.path.relpath(path, ROOT)}: {number + 1} of {units} units")
    _run([compiler, "-shared", "-Wl,--build-id", *flags, "-o", path + ".new", *objects], folder)
    os.rename(path + ".new", path)
    for compiled in (*objects, head + ".gch"):
        os.unlink(compiled)
    return path


def _write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def _run(command, folder):
    subprocess.run(["nice", "-n", "19", *command], cwd=folder, check=True)
