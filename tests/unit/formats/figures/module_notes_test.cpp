#include "formats/figures/module_notes.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
using incident::contains;

namespace {

// A recording of one process with code compiled at run time.
Timeline timeline_of(const std::string& executable) {
  Timeline t;
  Process process;
  process.pid = 4711;
  process.name = "MainThread";
  process.executable = executable;
  t.processes.push_back(process);
  t.stacks.intern_module(anonymous_module("anon", 4711));
  t.stacks.intern_module({ModuleKind::kFile, "/usr/bin/node", "ab12"});
  return t;
}

}  // namespace

TEST_CASE("naming: runtimes are told how to give their names, once and only where there are none") {
  const std::string problem = "no perf map";
  for (const auto& [executable, wanted] :
       {std::pair("/usr/bin/node", "--perf-basic-prof"), {"/usr/bin/python3.12", "-X perf"}, {"/usr/lib/jvm/bin/java", "Compiler.perfmap"}}) {
    const Timeline t = timeline_of(executable);
    const auto notes = module_notes(t, {{0, 5, 0, "", problem}, {1, 9, 9, "symtab", ""}});
    REQUIRE(notes.size() == 2);
    CHECK(contains(notes[0], wanted));
    CHECK(contains(notes[0], "[anon 4711] of MainThread: 5 of 5 addresses have no name"));
    CHECK(notes[1] == "named whole: node (symtab)");
    CHECK(naming_help(t, {0, 5, 4, "perf map", problem}) == problem);  // it was started so
  }
  CHECK(naming_help(timeline_of("/usr/bin/redis-server"), {0, 5, 0, "", problem}) == problem);
  CHECK(naming_help(timeline_of("/usr/bin/node"), {1, 5, 0, "", problem}) == problem);  // a file of node's
  CHECK(naming_help(timeline_of("/usr/bin/node"), {77, 5, 0, "", problem}) == problem);
  CHECK(runtime_remedy("nodejs") != nullptr);
  CHECK(runtime_remedy("redis-server") == nullptr);
}

TEST_CASE("naming: the poorest first, and at most ten of them") {
  Timeline t;
  std::vector<ModuleNaming> naming;
  for (std::uint32_t i = 0; i < 15; ++i) {
    t.stacks.intern_module({ModuleKind::kFile, "/usr/lib/lib" + std::to_string(i) + ".so", "ab"});
    naming.push_back({i, 100, i, "dynsym", "stripped"});
  }
  const auto notes = module_notes(t, naming);
  REQUIRE(notes.size() == 11);
  CHECK(notes[0] == "/usr/lib/lib0.so: 100 of 100 addresses have no name, the others from dynsym: stripped (build-id ab)");
  CHECK(contains(notes[10], "5 more modules"));
  CHECK(module_notes(t, {{0, 0, 0, "", ""}, {99, 5, 0, "", ""}}).empty());
}

TEST_CASE("show modules: samples, whole stacks, names and where they are from") {
  auto made = incident::make();
  const StackTable& stacks = made.bundle.timeline.stacks;
  made.bundle.naming.push_back({0, 3, 2, "recorded symtab", "gone"});
  made.bundle.modules.push_back({stacks.modules()[0], 3, {"symtab", {{0x10, 8, "f"}}, {}, 4}});
  const auto rows = nlohmann::json::parse(show_json(made.bundle, made.names, "modules", {}));
  REQUIRE(rows.size() == stacks.modules().size());
  std::uint64_t samples = 0, before = UINT64_MAX;
  for (const auto& row : rows) {
    CHECK(row.at("samples") <= before);
    before = row.at("samples");
    samples += before;
    if (row.at("path") == stacks.modules()[0].path) {
      CHECK(row.at("named") == 2);
      CHECK(row.at("source") == "recorded symtab");
      CHECK(row.at("recorded_functions") == 1);
      CHECK(row.at("left_out") == 4);
    } else {
      CHECK(row.at("named") == 0);
    }
    if (row.at("samples") != 0) CHECK(row.at("share_complete") <= 1.0);
  }
  CHECK(samples > 0);
  CHECK(contains(show_text(made.bundle, made.names, "modules", {}, {160, false}), "recorded symtab"));
}
