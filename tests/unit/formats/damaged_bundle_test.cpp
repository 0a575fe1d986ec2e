// A small bundle of every kind of file, each cut at every byte: the reader goes on with what there is, and says of which file
// something is missing.
#include <doctest/doctest.h>
#include <stdlib.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/bundle_reader.hpp"
#include "formats/bundle_writer.hpp"
#include "formats/error.hpp"
#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"

using namespace fdr;
namespace fs = std::filesystem;

namespace {

// Of each kind of record a few.
Timeline few(const Timeline& all) {
  Timeline t = all;
  t.samples.resize(12);
  t.syscalls.resize(3);
  t.failed.resize(4);
  t.summary.resize(4);
  for (MetricSeries& series : t.metrics) series.points.resize(3);
  return t;
}

struct SmallBundle {
  SmallBundle() {
    std::string pattern = (fs::temp_directory_path() / "fdr-damaged-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()));
    scratch = pattern;
    const auto made = incident::make();
    const Timeline timeline = few(made.bundle.timeline);
    BundleWriter writer(scratch.string(), "b");
    writer.add_trace(timeline, {"system-cpu", incident::at(0)});
    ModuleSlice slice;
    slice.source = "symtab";
    slice.functions = {{0x1000, 0x100, "main"}};
    writer.add_modules(timeline.stacks, {slice});
    writer.add_file("ledger.ndjson", "{\"rule\":\"system-cpu\",\"value\":41.25}\n");
    writer.add_file("system/at/sockets.ndjson", "{\"protocol\":\"tcp\",\"local\":\"10.0.0.1:80\",\"remote\":\"10.0.0.2:1\",\"pid\":4242}\n");
    writer.add_file("system/at/meminfo", "MemFree: 12 kB\n");
    writer.add_file("process/4242/goroutines.json", "{\"version\":\"go1.19\",\"goroutines\":2,\"rows\":[{\"count\":2,\"wait\":\"select\"}]}");
    writer.add_file("process/4242/heap.json", "{\"version\":\"go1.19\",\"rows\":[{\"function\":\"f\",\"in_use_bytes\":5}]}");
    path = writer.finish(made.bundle.manifest);
  }
  ~SmallBundle() { fs::remove_all(scratch); }

  std::vector<std::string> files() const {
    std::vector<std::string> list;
    for (const auto& entry : fs::recursive_directory_iterator(path))
      if (entry.is_regular_file()) list.push_back(entry.path().lexically_relative(path).string());
    return list;
  }
  std::string bytes(const std::string& file) const {
    std::ostringstream text;
    text << std::ifstream(path / file, std::ios::binary).rdbuf();
    return text.str();
  }
  void write(const std::string& file, std::string_view text) const {
    std::ofstream(path / file, std::ios::binary | std::ios::trunc).write(text.data(), static_cast<std::streamsize>(text.size()));
  }

  fs::path scratch, path;
};

bool names(const std::vector<std::string>& problems, const std::string& file) {
  return std::any_of(problems.begin(), problems.end(), [&](const std::string& problem) { return problem.starts_with(file); });
}

// Everything that reads: only an Error may come out of it.
std::string all_texts(const Bundle& bundle) {
  std::string text = report_text(bundle, {}, {}, {80, false}) + report_json(bundle, {});
  for (const std::string& part : show_parts()) {
    try {
      text += show_text(bundle, {}, part, {}, {80, false}) + show_json(bundle, {}, part, {});
    } catch (const Error& error) {
      text += error.what();
    }
  }
  return text;
}

}  // namespace

TEST_CASE("damaged bundle: whole, it has no problems") {
  const SmallBundle small;
  CHECK(read_bundle(small.path).problems.empty());
  CHECK(small.files().size() == 8);
}

TEST_CASE("damaged bundle: each file cut at every byte is named, and the rest is read") {
  const SmallBundle small;
  for (const std::string& file : small.files()) {
    CAPTURE(file);
    const std::string whole = small.bytes(file);
    const std::size_t end = whole.find_last_not_of('\n') + 1;  // a text without its last newline is whole
    for (std::size_t length = 0; length < (file == "manifest.json" ? end : whole.size()); ++length) {
      small.write(file, std::string_view(whole).substr(0, length));
      try {
        const Bundle bundle = read_bundle(small.path);
        if (file == "manifest.json" || !names(bundle.problems, file)) {
          CAPTURE(length);
          FAIL("a cut file was taken for a whole one");
        }
        // What the reports make of it, at a few places: they are slow under sanitizers.
        if (length % 512 == 1 || length + 1 == whole.size()) CHECK(all_texts(bundle).find(file) != std::string::npos);
      } catch (const Error& error) {
        if (file != "manifest.json") {
          CAPTURE(length);
          FAIL("no part but the manifest is needed: ", error.what());
        }
      }
    }
    fs::remove(small.path / file);
    if (file != "manifest.json") CHECK(names(read_bundle(small.path).problems, file));
    small.write(file, whole);
  }
}

TEST_CASE("damaged bundle: more damaged files than one wants to read of are counted") {
  const auto made = incident::make();
  const SmallBundle small;
  BundleWriter writer((small.scratch / "many").string(), "b");
  for (int i = 0; i < 30; ++i) writer.add_file("process/" + std::to_string(i) + "/status", "Name: x\n");
  const fs::path path = writer.finish(made.bundle.manifest);
  for (int i = 0; i < 30; ++i) fs::remove(path / "process" / std::to_string(i) / "status");
  const auto problems = read_bundle(path).problems;
  CHECK(problems.size() == 22);  // the trace is missing too
  CHECK(problems.back() == "10 more files are missing or damaged");
}
