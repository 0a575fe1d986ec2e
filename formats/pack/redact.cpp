#include "formats/pack/redact.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "formats/compare/baseline.hpp"
#include "formats/error.hpp"
#include "formats/file_tree.hpp"
#include "formats/findings/sampling.hpp"
#include "formats/pack/redact_text.hpp"
#include "formats/pack/redact_words.hpp"
#include "formats/perfetto_writer.hpp"
#include "formats/sha256.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxSocketBytes = 16u << 20, kMaxTextBytes = 16u << 20;

class Redaction {
 public:
  Redaction(const Bundle& bundle, const RedactOptions& options, Pseudonyms& names)
      : bundle_(bundle), options_(options), names_(names), words_(options.is_metric, options.patterns, names) {}

  Redacted all() {
    stacks();
    tasks();
    records();
    manifest();
    files();
    return std::move(out_);
  }

 private:
  bool readable(const Module& module) const {
    if (module.kind == ModuleKind::kKernel || module.kind == ModuleKind::kVdso) return true;
    if (module.kind != ModuleKind::kFile) return false;
    return is_system_library(module.path) || kept_by_name(module.path);
  }
  bool kept_by_name(const std::string& path) const {
    const std::string file = path.substr(path.rfind('/') + 1);
    return std::any_of(options_.keep_modules.begin(), options_.keep_modules.end(),
                       [&](const std::string& kept) { return kept == path || kept == file; });
  }

  // Frames keep their places: pseudonyms are one to one, so that equal things stay equal and different ones different.
  void stacks() {
    const StackTable& from = bundle_.timeline.stacks;
    StackTable& to = out_.timeline.stacks;
    const std::vector<ModuleSlice> slices = slices_of(from, bundle_.modules);
    for (std::size_t i = 0; i < from.modules().size(); ++i) {
      const Module& module = from.modules()[i];
      const bool clear = readable(module);
      Module hidden = module;
      hidden.path = kept_by_name(module.path) ? words_.keep(module.path, NameClass::kPath) : names_.path(module.path);
      hidden.build_id = clear ? names_.keep(module.build_id) : names_.build_id(module.build_id);
      same(to.intern_module(hidden), i);
      out_.slices.push_back(i < slices.size() ? slice(slices[i], clear) : ModuleSlice{});
    }
    for (std::size_t i = 0; i < from.frames().size(); ++i) {
      const Frame& frame = from.frames()[i];
      same(to.intern_frame(frame.module, frame.offset, function(frame.name, readable(from.modules().at(frame.module)))), i);
    }
    for (std::size_t i = 0; i < from.stack_count(); ++i) same(to.intern_stack(from.stack(static_cast<StackId>(i))), i);
  }
  static void same(std::size_t got, std::size_t wanted) {
    if (got != wanted) throw Error("the bundle's stacks are damaged: it cannot be redacted");
  }
  std::string function(const std::string& name, bool clear) {
    return clear ? words_.keep(name, NameClass::kFunction) : names_.token(NameClass::kFunction, name);
  }
  ModuleSlice slice(ModuleSlice slice, bool clear) {
    for (ModuleSlice::Function& one : slice.functions) one.name = function(one.name, clear);
    constexpr std::array kSources = {"symtab", "dynsym", "gnu_debugdata", "pclntab"};
    if (std::find(kSources.begin(), kSources.end(), slice.source) == kSources.end()) slice.source.clear();
    return slice;
  }

  void tasks() {
    out_.timeline.processes = bundle_.timeline.processes;
    for (Process& process : out_.timeline.processes) {
      process.name = names_.token(NameClass::kThread, process.name);
      process.executable = names_.path(process.executable);
      process.command_line = arguments(process.command_line);
      process.target = names_.token(NameClass::kLabel, process.target);
    }
    out_.timeline.threads = bundle_.timeline.threads;
    for (Thread& thread : out_.timeline.threads) thread.name = names_.token(NameClass::kThread, thread.name);
  }
  std::vector<std::string> arguments(std::vector<std::string> list) {
    for (std::size_t i = 0; i < list.size(); ++i)
      list[i] = i == 0 && list[i].find('/') != std::string::npos ? names_.path(list[i]) : names_.token(NameClass::kArgument, list[i]);
    return list;
  }

  void records() {
    const Timeline& from = bundle_.timeline;
    Timeline& to = out_.timeline;
    to.machine = words_.keep(from.machine, NameClass::kText);
    to.kernel = words_.keep(from.kernel, NameClass::kText);
    to.cpus = from.cpus;
    to.anchor = from.anchor;
    to.begin = from.begin;
    to.end = from.end;
    to.samples = from.samples;
    to.syscalls = from.syscalls;
    to.summary = from.summary;
    to.errors = from.errors;
    to.stalls = from.stalls;
    to.slow = from.slow;
    to.failed = from.failed;
    for (auto* calls : {&to.slow, &to.failed})
      for (DetailedCall& call : *calls) call.subject = words_.subject(call.subject);
    to.failing = from.failing;
    for (FailedSum& sum : to.failing) failed_sum(sum);
    to.growth = from.growth;
    for (Growth& growth : to.growth) growth.region = names_.path(growth.region);
    to.life = from.life;
    for (LifeEvent& event : to.life) event.text = life_text(event);
    to.metrics = from.metrics;
    for (MetricSeries& series : to.metrics) series.name = words_.metric(series.name);
  }
  // The directory stays what the example begins with.
  void failed_sum(FailedSum& sum) {
    sum.process = names_.token(NameClass::kThread, sum.process);
    for (std::string& ancestor : sum.ancestors) ancestor = names_.token(NameClass::kThread, ancestor);
    sum.directory = names_.path(sum.directory);
    sum.example = words_.subject(sum.example);
  }
  std::string life_text(const LifeEvent& event) {
    if (event.kind == LifeKind::kTrigger) return words_.rule_name(event.text);
    if (event.kind == LifeKind::kExec || event.text.starts_with('/')) return names_.path(event.text);
    return names_.token(NameClass::kText, event.text);
  }

  void manifest() {
    const Manifest& from = bundle_.manifest;
    Manifest& to = out_.manifest;
    to.fdr_version = words_.keep(from.fdr_version, NameClass::kText);
    to.recorder_pid = from.recorder_pid;
    to.sampled_hz = static_cast<std::uint32_t>(std::lround(sampling_frequency(from)));  // the configuration, which says it in older bundles, is text
    to.switches_unseen = from.switches_unseen;
    to.host = from.host;
    to.host.name = names_.token(NameClass::kHost, from.host.name);
    to.host.kernel = out_.timeline.kernel.empty() ? words_.keep(from.host.kernel, NameClass::kText) : out_.timeline.kernel;
    to.host.machine = words_.keep(from.host.machine, NameClass::kText);
    to.target.mode = from.target.mode == "run" || from.target.mode == "attach" || from.target.mode == "once" ? from.target.mode : "";
    to.target.pids = from.target.pids;
    to.target.container = names_.token(NameClass::kLabel, from.target.container);
    to.target.ns_pids = from.target.ns_pids;
    to.target.command = arguments(from.target.command);
    for (const std::string& name : from.target.names) to.target.names.push_back(names_.token(NameClass::kLabel, name));
    to.trigger = from.trigger;
    to.trigger.name = from.trigger.name == kBaselineTrigger ? from.trigger.name : words_.rule_name(from.trigger.name);
    to.trigger.when = words_.condition(from.trigger.when);
    to.trigger.value_text = words_.figure(from.trigger.value_text);
    to.trigger.evidence = to.trigger.when.empty() ? "" : to.trigger.when + (to.trigger.value_text.empty() ? "" : "; value " + to.trigger.value_text);
    if (!from.episode.id.empty()) to.episode = episode(from.episode);
    to.window = from.window;
    to.clock = from.clock;
    to.anchors = from.anchors;
    to.stacks = from.stacks;
    to.stacks.reasons.clear();
    for (int end = 0; end < static_cast<int>(WalkEnd::kCount); ++end)
      if (const auto at = from.stacks.reasons.find(walk_end_name(static_cast<WalkEnd>(end))); at != from.stacks.reasons.end())
        to.stacks.reasons.insert(*at);
    constexpr std::array kRings = {"stacks", "stalls", "syscalls", "slow", "failed", "summary", "switches", "growth", "life", "bystanders"};
    for (const auto& [name, ring] : from.rings) {
      const bool known = std::find(kRings.begin(), kRings.end(), name) != kRings.end();
      to.rings[known ? name : names_.token(NameClass::kLabel, name)] = ring;
    }
    to.cost = from.cost;
    const auto* rung = std::find(kWrittenRungs.begin(), kWrittenRungs.end(), from.written.rung);
    if (rung != kWrittenRungs.end()) to.written.rung = *rung;
    for (const char* part : kLeftOutParts)
      if (from.written.without(part)) to.written.left_out.push_back(part);
    to.written.needed_bytes = from.written.needed_bytes;
    if (!from.losses.empty()) to.losses.push_back(fmt::format("{} sentences about losses are left out: they are text", from.losses.size()));
    if (from.backend == "bpf" || from.backend == "perf" || from.backend == "proc") to.backend = from.backend;
  }

  // Whether a bundle is of an onset or of an end says which moment it is about; its names tell one episode from another.
  Manifest::Episode episode(const Manifest::Episode& from) {
    Manifest::Episode to;
    to.id = episode_id(from.id);
    if (from.stage == "onset" || from.stage == "end" || from.stage == "whole") to.stage = from.stage;
    to.onset_bundle = names_.token(NameClass::kLabel, from.onset_bundle);
    to.onset_ns = from.onset_ns;
    for (const std::string& rule : from.rules) to.rules.push_back(words_.rule_name(rule));
    return to;
  }
  // "2026-03-01T12:41:23.515Z.RULE"
  std::string episode_id(const std::string& id) {
    constexpr std::string_view kShape = "0000-00-00T00:00:00.000Z.";
    const auto is_like = [](char c, char shape) { return shape == '0' ? c >= '0' && c <= '9' : c == shape; };
    if (id.size() <= kShape.size() || !std::equal(kShape.begin(), kShape.end(), id.begin(), [&](char shape, char c) { return is_like(c, shape); }))
      return names_.token(NameClass::kLabel, id);
    return id.substr(0, kShape.size()) + words_.rule_name(std::string_view(id).substr(kShape.size()));
  }

  void files() {
    for (const auto& [path, sum] : bundle_.manifest.files) {
      if (path == "trace.pftrace" || path == "modules.json" || path == "summary.txt") continue;  // written anew
      if (path.starts_with("baselines/")) continue;
      const bool sockets = path == "system/before/sockets.ndjson" || path == "system/at/sockets.ndjson" || path == "system/after/sockets.ndjson";
      const auto text = sockets ? read_bundle_text(bundle_.path, path, kMaxSocketBytes) : std::nullopt;
      if (text) {
        out_.files.emplace_back(path, words_.sockets(*text));
      } else if (!options_.with_text || !is_free_text(path)) {
        left_out(path);
      }
    }
    for (const Baseline& one : baselines_of(bundle_)) baseline(one);
    if (options_.with_text) free_text();
    if (!bundle_.manifest.config.empty()) out_.left_out.push_back({"manifest.json config", "text"});
  }
  // A small bundle: the same again.
  void baseline(const Baseline& one) {
    const std::string path = "baselines/" + one.name;
    Bundle inner;
    try {
      inner = read_inner_bundle(bundle_.path, path);
    } catch (const Error& error) {
      inner.problems.push_back(error.what());
    }
    if (!inner.problems.empty() || !one.problem.empty()) return out_.left_out.push_back({path, "damaged"});
    Redacted redacted = Redaction(inner, options_, names_).all();
    std::string trace;
    write_perfetto(redacted.timeline, {}, [&](std::string_view bytes) { trace.append(bytes); });
    const std::string modules = modules_json(redacted.timeline.stacks, redacted.slices);
    redacted.manifest.files = {{"modules.json", sha256_hex(modules)}, {"trace.pftrace", sha256_hex(trace)}};
    out_.files.emplace_back(path + "/manifest.json", to_json(redacted.manifest));
    out_.files.emplace_back(path + "/modules.json", modules);
    out_.files.emplace_back(path + "/trace.pftrace", trace);
  }

  static bool is_free_text(const std::string& path) {
    return path == "logs.ndjson" || path == "system/before/kernel_log" || path == "system/at/kernel_log" || (path.starts_with("collect/") && path.ends_with(".txt"));
  }
  // Last: by now every name that is anywhere else is known. What looks like a name in one place is one everywhere: again, until no new ones come up.
  void free_text() {
    constexpr int kMostRounds = 5;
    const std::size_t others = out_.files.size();
    for (int round = 0; round < kMostRounds; ++round) {
      const std::size_t known = names_.replaced_count();
      out_.files.resize(others);
      scrub_all();
      if (names_.replaced_count() == known) return;
    }
  }
  void scrub_all() {
    TextScrubber scrubber(names_, words_);
    for (const auto& [path, sum] : bundle_.manifest.files) {
      if (!is_free_text(path)) continue;
      const auto text = read_bundle_text(bundle_.path, path, kMaxTextBytes);
      if (!text || text->size() == kMaxTextBytes) {
        left_out(path);
        continue;
      }
      const std::string as = path.starts_with("collect/") ? collected_name(path) : path;
      out_.files.emplace_back(as, path == "logs.ndjson" ? scrubber.log_lines(*text) : scrubber.text(*text));
      out_.prose.insert(as);
    }
  }
  // "collect/NAME.txt", "collect/NAME.armed.txt"
  std::string collected_name(const std::string& path) {
    std::string name = path.substr(path.find('/') + 1), moment = ".txt";
    for (const char* known : {".armed.txt", ".hourly.txt"})
      if (name.ends_with(known)) moment = known;
    name.resize(name.size() - moment.size());
    return "collect/" + names_.token(NameClass::kLabel, name) + moment;
  }
  // Its directory and its kind say enough; a collector's file is named by who set it up.
  void left_out(const std::string& path) {
    const std::string folder = path.substr(0, path.find('/'));
    const std::string kind = path.find('/') == std::string::npos ? words_.part_name(path) : words_.part_name(folder) + "/...";
    for (LeftOut& left : out_.left_out)
      if (left.path == kind) return;
    out_.left_out.push_back({kind, "text, or not known field by field"});
  }

  const Bundle& bundle_;
  const RedactOptions& options_;
  Pseudonyms& names_;
  RedactWords words_;
  Redacted out_;
};

}  // namespace

Redacted redact(const Bundle& bundle, const RedactOptions& options, Pseudonyms& pseudonyms) {
  return Redaction(bundle, options, pseudonyms).all();
}

Json redact_vendor(const Json& facts, Pseudonyms& pseudonyms) {
  Json out = Json::object();
  for (const char* name : {"kernel", "sysctls", "cpu", "numa", "governor", "distribution", "hypervisor"})
    if (facts.contains(name)) out[name] = facts[name];
  Json packages = Json::object();
  if (facts.contains("packages") && facts["packages"].contains("value"))
    for (const auto& [path, package] : facts["packages"]["value"].items())
      if (is_system_library(path)) packages[pseudonyms.path(path)] = package;
  out["packages"] = {{"value", std::move(packages)}};
  for (const auto& [name, fact] : facts.items())
    if (!out.contains(name)) out[name] = {{"reason", "left out of a redacted pack"}};
  return out;
}

}  // namespace fdr
