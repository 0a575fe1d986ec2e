#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "formats/html/chart_data.hpp"
#include "formats/html/flame_data.hpp"
#include "formats/html/table_data.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;

namespace {

struct Sum {
  double sides[3] = {};
  double all() const { return sides[0] + sides[1] + sides[2]; }
};

// Own weights by function, over one graph.
std::map<std::string, Sum> own_weights(const Json& graph, const Json& names) {
  std::map<std::string, Sum> sums;
  const Json& nodes = graph["nodes"];
  for (std::size_t at = 0; at < nodes.size(); at += 5)
    for (std::size_t side = 0; side < 3; ++side)
      sums[names["text"][nodes[at + 1].get<std::size_t>()]].sides[side] += nodes[at + 2 + side].get<double>();
  return sums;
}

const Json& graph_of(const Json& graphs, const std::string& id) {
  for (const Json& graph : graphs)
    if (graph["id"] == id) return graph;
  FAIL("no graph " << id);
  return graphs;
}

// A window of 65 s that was quiet from its beginning to `onset_s`.
Sides split_at(double onset_s) {
  return {.known = true,
          .onset_known = true,
          .baseline_from_s = -60,
          .baseline_until_s = onset_s,
          .onset_s = onset_s,
          .until_s = 5,
          .begin_s = -60,
          .end_s = 5};
}

}  // namespace

TEST_CASE("html: points keep their spikes and their gaps, and lose what says nothing") {
  ChartPoints points;
  for (int i = 0; i < 10'000; ++i)
    if (i < 4'000 || i > 5'000) points.emplace_back(0.1 * i, i == 7'777 ? 99.0 : i % 7);
  const ChartPoints few = thinned(points, 400);
  CHECK(few.size() <= 410);
  CHECK(few.size() > 300);
  std::size_t spikes = 0, gaps = 0;
  for (std::size_t i = 0; i < few.size(); ++i) {
    if (i > 0) CHECK(few[i].first > few[i - 1].first);
    spikes += few[i].second == 99.0;
    if (!std::isnan(few[i].second)) continue;
    ++gaps;
    CHECK(few[i].first > 399);
    CHECK(few[i].first < 501);
  }
  CHECK(spikes == 1);
  CHECK(gaps == 1);
  CHECK(few.front() == points.front());
  CHECK(few.back() == points.back());

  CHECK(thinned({{0, 5}, {1, 5}, {2, 5}, {3, 5}}, 400) == ChartPoints{{0, 5}, {3, 5}});
  CHECK(thinned({}, 400).empty());
  CHECK(thinned({{1, 2}}, 400) == ChartPoints{{1, 2}});
}

TEST_CASE("html: a counter is drawn as a rate") {
  const auto made = incident::make();
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  std::size_t left_out = 0;
  for (const Json& metric : chart_data(view, left_out)) {
    if (metric["name"] != "host.vm.faults") continue;
    CHECK(metric["per_s"] == true);
    CHECK(metric["max"].get<double>() == doctest::Approx(1000));
  }
  CHECK(left_out == 0);
}

TEST_CASE("html: flame graphs split at the onset, targets and others apart") {
  const auto made = incident::make();
  const View view(made.bundle.manifest, made.bundle.timeline, made.names);
  NameTable table;
  const Json graphs = flame_data(view, split_at(-10), table);
  const Json names = table.json();

  const auto on_cpu = own_weights(graph_of(graphs, "on-cpu"), names);
  double sum = 0;
  for (const auto& [name, weights] : on_cpu) sum += weights.all();
  CHECK(sum == 6435);
  // Four of six samples, of which none is a bystander's: by hand 4290 in all, a sixth of them in the last ten of 65 s.
  CHECK(on_cpu.at("_raw_spin_lock").all() == doctest::Approx(4290).epsilon(0.01));
  CHECK(on_cpu.at("_raw_spin_lock").sides[0] == doctest::Approx(3300).epsilon(0.01));
  CHECK(on_cpu.at("_raw_spin_lock").sides[1] == doctest::Approx(990).epsilon(0.01));
  CHECK(on_cpu.at("main").all() == 0);
  CHECK(own_weights(graph_of(graphs, "others"), names).at("conn_send").all() == 65);

  const auto stalls = own_weights(graph_of(graphs, "stalls"), names);
  CHECK(stalls.at("_raw_spin_lock").sides[1] == 80e6);  // ns
  CHECK(own_weights(graph_of(graphs, "waits"), names).at("epoll_wait").sides[0] == 40e9);

  const Json& nodes = graph_of(graphs, "on-cpu")["nodes"];
  for (std::size_t i = 1; 5 * i < nodes.size(); ++i) CHECK(nodes[5 * i].get<std::size_t>() < i);
  for (std::size_t i = 0; i < names["text"].size(); ++i) {
    if (names["text"][i] == "tcp_sendmsg") CHECK(names["kind"][i] == static_cast<int>(NameKind::kKernel));
    if (names["text"][i] == "main") CHECK(names["kind"][i] == static_cast<int>(NameKind::kUser));
  }
}

TEST_CASE("html: a flame graph of more branches than fit keeps the largest, and every sample") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  t.samples.clear();
  const auto module = t.stacks.intern_module({ModuleKind::kFile, "/bin/many", ""});
  const std::uint32_t root = t.stacks.intern_frame(module, 1, "root");
  for (std::uint32_t i = 0; i < 30'000; ++i) {
    const std::uint32_t frames[] = {root, t.stacks.intern_frame(module, 100 + i, "f" + std::to_string(i))};
    const StackId stack = t.stacks.intern_stack(frames);
    for (int times = i == 29'999 ? 50 : 1; times > 0; --times)
      t.samples.push_back({incident::at(-30), 0, 0, false, stack, WalkEnd::kRoot});
  }
  const View view(made.bundle.manifest, t, made.names);
  NameTable table;
  const Json graphs = flame_data(view, split_at(-10), table);
  const Json& graph = graph_of(graphs, "on-cpu");
  CHECK(graph["nodes"].size() / 5 == kMaxFlameNodes + 1);
  CHECK(graph["left_out"].get<std::size_t>() == 30'003 - kMaxFlameNodes);
  const auto weights = own_weights(graph, table.json());
  CHECK(weights.at("f29999").sides[0] == 50);
  double sum = 0;
  for (const auto& [name, weight] : weights) sum += weight.all();
  CHECK(sum == 29'999 + 50);
}

TEST_CASE("html: tables are bounded, say how much there is, and carry stacks by name") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  for (int i = 0; i < 1'000; ++i) t.slow.push_back(t.slow.front());
  t.slow.front().call.wall = from_seconds(9);
  t.slow.front().subject = std::string(5'000, 'x') + "\x1b[2J";
  const View view(made.bundle.manifest, t, made.names);
  NameTable table;
  const Json tables = table_data({made.bundle, view}, table);
  const Json names = table.json();
  std::vector<std::string> ids;
  for (const Json& one : tables) {
    ids.push_back(one["id"]);
    CHECK(one["rows"].size() <= kMaxTableRows);
    for (const Json& row : one["rows"]) CHECK(row.size() == one["columns"].size());
    if (one["id"] != "slow") continue;
    CHECK(one["total"] == 1'001);
    CHECK(one["rows"].size() == kMaxTableRows);
    CHECK(one["rows"][0][0].get<std::string>().size() <= 400);
    CHECK(one["rows"][0][0].get<std::string>().ends_with("\\x1b[2J"));
    const Json& stack = one["stacks"][0];
    CHECK(names["text"][stack.front().get<std::size_t>()] == "main");
    CHECK(names["text"][stack.back().get<std::size_t>()] == "conn_send");
  }
  CHECK(ids == std::vector<std::string>{"threads", "syscalls", "slow", "failed", "errors", "stalls", "processes", "timeline", "modules", "rings"});
}

TEST_CASE("html: of what happened, the rows around the firing are kept") {
  auto made = incident::make();
  Timeline& t = made.bundle.timeline;
  t.life.clear();
  for (int i = 0; i < 3'000; ++i) t.life.push_back({incident::at(-59 + 0.02 * i), LifeKind::kMark, kNoIndex, std::to_string(i), 0});
  const View view(made.bundle.manifest, t, made.names);
  NameTable table;
  for (const Json& one : table_data({made.bundle, view}, table)) {
    if (one["id"] != "timeline") continue;
    CHECK(one["rows"].size() == kMaxTableRows);
    CHECK(one["rows"].front()[0].get<double>() == doctest::Approx(-6.5).epsilon(0.2));
    CHECK(one["rows"].back()[0].get<double>() > 0.9);
  }
}
