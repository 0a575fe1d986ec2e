#include "formats/html/flame_data.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <numeric>
#include <vector>

#include "formats/syscall_names.hpp"

namespace fdr {
namespace {

using Weights = std::array<double, 3>;  // by PageSide

double sum(const Weights& weights) { return weights[0] + weights[1] + weights[2]; }

// A tree of calls. Index 0 is the root; a parent's index is below its children's.
class FlameTree {
 public:
  FlameTree() : nodes_(1) {}

  std::uint32_t child(std::uint32_t parent, std::uint32_t name) {
    const auto [entry, fresh] = nodes_[parent].children.try_emplace(name, static_cast<std::uint32_t>(nodes_.size()));
    const std::uint32_t index = entry->second;  // push_back moves the map
    if (fresh) nodes_.push_back({parent, name, {}, {}});
    return index;
  }
  void add(std::uint32_t node, PageSide side, double weight) { nodes_[node].self[static_cast<std::size_t>(side)] += weight; }
  bool empty() const { return nodes_.size() == 1 && sum(nodes_[0].self) == 0; }

  // As flame_data.hpp says it; names move from `all` to the page's `names` if they are kept, `rest` names what is merged.
  Json flat(const NameTable& all, NameTable& names, std::uint32_t rest, std::size_t& left_out) const {
    const std::vector<Weights> totals = all_totals();
    const std::vector<bool> kept = largest(totals, left_out);
    Json flat = Json::array();
    std::vector<std::uint32_t> numbers(nodes_.size(), 0);
    std::uint32_t written = 0;
    const auto write = [&](std::uint32_t parent, std::uint32_t name, const Weights& self) {
      flat.push_back(parent);
      flat.push_back(name);
      for (const double weight : self) flat.push_back(number(weight));
      return written++;
    };
    std::map<std::uint32_t, Weights> merged;  // by the kept parent
    for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
      const Node& node = nodes_[i];
      if (kept[i]) {
        const std::uint32_t name = i == 0 ? rest : names.number(all.text(node.name), all.kind(node.name));
        numbers[i] = write(numbers[node.parent], name, node.self);
      } else if (kept[node.parent]) {
        Weights& there = merged[node.parent];
        for (std::size_t side = 0; side < there.size(); ++side) there[side] += totals[i][side];
      }
    }
    for (const auto& [parent, weights] : merged) write(numbers[parent], rest, weights);
    return flat;
  }

 private:
  struct Node {
    std::uint32_t parent = 0, name = 0;
    Weights self{};
    std::map<std::uint32_t, std::uint32_t> children;
  };

  // Whole numbers are shorter, and a nanosecond or a byte has no parts.
  static Json number(double weight) {
    if (!(weight < 9e15)) return 9'000'000'000'000'000;
    return static_cast<std::int64_t>(std::llround(weight));
  }

  std::vector<Weights> all_totals() const {
    std::vector<Weights> totals;
    for (const Node& node : nodes_) totals.push_back(node.self);
    for (std::size_t i = nodes_.size(); i-- > 1;)
      for (std::size_t side = 0; side < 3; ++side) totals[nodes_[i].parent][side] += totals[i][side];
    return totals;
  }

  std::vector<bool> largest(const std::vector<Weights>& totals, std::size_t& left_out) const {
    std::vector<std::uint32_t> order(nodes_.size());
    std::iota(order.begin(), order.end(), 0u);
    // A parent weighs no less than its child and has the smaller index: it is kept before it.
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return sum(totals[a]) > sum(totals[b]); });
    std::vector<bool> kept(nodes_.size(), false);
    for (std::size_t i = 0; i < std::min(order.size(), kMaxFlameNodes); ++i) kept[order[i]] = true;
    left_out = nodes_.size() - std::min(nodes_.size(), kMaxFlameNodes);
    return kept;
  }

  std::vector<Node> nodes_;
};

class FlameMaker {
 public:
  FlameMaker(const View& view, const Sides& sides, NameTable& names) : view_(view), sides_(sides), names_(names) {}

  // The node of `thread`'s process, below it `group` where there is one.
  std::uint32_t process(FlameTree& tree, std::uint32_t thread, const std::string& group = {}) {
    const Thread* known = thread_at(view_.timeline, thread);
    std::string name = known ? view_.labels.process_name(known->process) : "";
    if (name.empty()) name = "(not known)";
    const std::uint32_t node = tree.child(0, names_.number(name, NameKind::kGroup));
    return group.empty() ? node : tree.child(node, names_.number(group, NameKind::kGroup));
  }

  void add(FlameTree& tree, std::uint32_t node, StackId stack, Timestamp time, double weight) {
    for (const std::uint32_t name : names_of(stack)) node = tree.child(node, name);
    tree.add(node, sides_.side(view_.at(time)), weight);
  }

 private:
  const std::vector<std::uint32_t>& names_of(StackId stack) {
    const auto [entry, fresh] = cache_.try_emplace(stack);
    std::vector<std::uint32_t>& names = entry->second;
    if (!fresh) return names;
    const auto add_part = [&](Labels::Part part, NameKind kind) {
      for (const FunctionId function : view_.labels.functions_of(stack, part)) names.push_back(names_.number(view_.labels.function(function), kind));
    };
    add_part(Labels::Part::kUser, NameKind::kUser);
    add_part(Labels::Part::kKernel, NameKind::kKernel);
    return names;
  }

  const View& view_;
  const Sides& sides_;
  NameTable& names_;
  std::map<StackId, std::vector<std::uint32_t>> cache_;
};

double ring_seconds(const View& view, const char* name) {
  const auto ring = view.manifest.rings.find(name);
  return ring == view.manifest.rings.end() ? 0 : ring->second.obtained_s;
}

}  // namespace

Json flame_data(const View& view, const Sides& sides, NameTable& names) {
  NameTable all;  // of every stack, before branches are merged
  FlameMaker maker(view, sides, all);
  FlameTree on_cpu, others, stalls, waits, growth;
  for (const StackSample& sample : view.timeline.samples) {
    if (!view.in_range(sample.time) && !sides.in_baseline(view.at(sample.time))) continue;
    FlameTree& tree = view.wants_thread(sample.thread) ? on_cpu : others;
    maker.add(tree, maker.process(tree, sample.thread), sample.stack, sample.time, 1);
  }
  for (const Stall& stall : view.timeline.stalls) {
    if (!view.in_range(stall.begin, stall.length) || !view.wants_thread(stall.thread)) continue;
    const double length = static_cast<double>(std::max(stall.length, Duration{0}).count());
    FlameTree& tree = stall.kind == StallKind::kWait ? waits : stalls;
    std::uint32_t node = maker.process(tree, stall.thread, stall_kind_name(stall.kind));
    // Waits are not walked: the call is all there is to say.
    if (stall.stack == kNoStack && stall.syscall >= 0)
      node = tree.child(node, all.number(syscall_name(static_cast<std::uint16_t>(stall.syscall)), NameKind::kKernel));
    maker.add(tree, node, stall.stack, stall.begin, length);
  }
  for (const Growth& one : view.timeline.growth) {
    if (one.given_back || !view.in_range(one.time) || !view.wants_thread(one.thread)) continue;
    maker.add(growth, maker.process(growth, one.thread, growth_kind_name(one.kind)), one.stack, one.time,
              static_cast<double>(one.bytes));
  }

  Json graphs = Json::array();
  const std::uint32_t rest = names.number("(smaller branches, merged)", NameKind::kRest);
  const auto add = [&](const char* id, const char* title, const char* unit, const FlameTree& tree, const char* ring) {
    if (tree.empty()) return;
    std::size_t left_out = 0;
    Json nodes = tree.flat(all, names, rest, left_out);
    graphs.push_back({{"id", id},
                      {"title", title},
                      {"unit", unit},
                      {"seconds", sides.seconds(ring_seconds(view, ring))},
                      {"nodes", std::move(nodes)},
                      {"left_out", left_out}});
  };
  add("on-cpu", "On the CPU", "samples", on_cpu, "stacks");
  add("stalls", "Stalls", "ns", stalls, "stalls");
  add("waits", "Waiting by nature", "ns", waits, "stalls");
  add("growth", "Memory growth", "bytes", growth, "growth");
  add("others", "Other programs on the CPU", "samples", others, "stacks");
  return graphs;
}

}  // namespace fdr
