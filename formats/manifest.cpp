#include "formats/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <limits>
#include <type_traits>
#include <utility>

#include "formats/error.hpp"
#include "formats/file_tree.hpp"
#include "formats/json_text.hpp"
#include "formats/json_writer.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr const char* kDocument = "manifest.json";
// More than any recorder writes: it has ten rings, nine reasons, and a table of 65 536 processes.
constexpr std::size_t kMostRings = 64, kMostReasons = 64, kMostPids = 65'536;
constexpr std::int64_t kMostUptime_ns = std::int64_t{1} << 60, kMostRealtime_ns = std::int64_t{1} << 62;  // 36 years; the year 2116

void write(JsonWriter& json, const ClockAnchor& anchor) {
  json.field("realtime_ns", anchor.realtime_ns);
  json.field("monotonic_ns", anchor.monotonic_ns);
  json.field("boottime_ns", anchor.boottime_ns);
}

void write(JsonWriter& json, const RingReport& ring) {
  json.field("asked_s", ring.asked_s);
  json.field("obtained_s", ring.obtained_s);
  json.field("recorded", ring.recorded);
  json.field("kept", ring.kept);
  json.field("overwritten", ring.overwritten);
  json.field("dropped", ring.dropped);
  json.field("missed", ring.missed);
  json.field("torn", ring.torn);
}

void write(JsonWriter& json, const Manifest::Target& target) {
  json.field("mode", target.mode);
  json.field("pids", target.pids);
  json.field("command", target.command);
  json.field("names", target.names);
  if (!target.container.empty()) json.field("container", target.container);
  if (target.ns_pids.empty()) return;
  json.object("ns_pids", [&] {
    for (const auto& [pid, inside] : target.ns_pids) json.field(std::to_string(pid), inside);
  });
}

void write(JsonWriter& json, const Manifest::Trigger& trigger) {
  json.field("name", trigger.name);
  json.field("when", trigger.when);
  json.field("value", trigger.value);
  json.field("value_text", trigger.value_text);
  json.field("evidence", trigger.evidence);
  json.field("time", utc_text(trigger.realtime_ns));
  json.field("realtime_ns", trigger.realtime_ns);
  json.field("monotonic_ns", trigger.monotonic_ns);
  if (trigger.drill) json.field("drill", true);
}

void write(JsonWriter& json, const Manifest::Episode& episode) {
  json.field("id", episode.id);
  json.field("stage", episode.stage);
  json.field("onset_ns", episode.onset_ns);
  json.field("rules", episode.rules);
  if (!episode.onset_bundle.empty()) json.field("onset_bundle", episode.onset_bundle);
}

void write(JsonWriter& json, const Manifest::Written& written) {
  json.field("rung", written.rung);
  if (!written.why.empty()) json.field("why", written.why);
  if (!written.left_out.empty()) json.field("left_out", written.left_out);
  if (written.needed_bytes) json.field("needed_bytes", written.needed_bytes);
}

// One object of the manifest with its place in it, so that an error can name the key. Absent optional keys leave the
// default; absent mandatory ones are gathered in `missing` and reported together.
class Fields {
 public:
  Fields(const nlohmann::json& object, std::string prefix, std::vector<std::string>& missing)
      : object_(object), prefix_(std::move(prefix)), missing_(missing) {
    if (!object_.is_object()) throw Error(std::string(kDocument) + ": " + name("") + " is not an object");
  }

  template <class T>
  void need(const char* key, T& value) const {
    if (!read(key, value)) missing_.push_back(name(key));
  }
  template <class T>
  void may(const char* key, T& value) const {
    read(key, value);
  }

  // An empty object where it is absent: its mandatory keys are then reported one by one.
  Fields object(const char* key) const {
    static const nlohmann::json empty = nlohmann::json::object();
    const auto found = object_.find(key);
    return Fields(found == object_.end() || found->is_null() ? empty : *found, name(key), missing_);
  }
  template <class Visit>
  void each(std::size_t most, Visit visit) const {
    if (object_.size() > most) too_many("", most);
    for (const auto& [key, value] : object_.items()) visit(key, value);
  }
  std::string name(const std::string& key) const {
    if (prefix_.empty()) return key.empty() ? "the whole" : key;
    return key.empty() ? prefix_ : prefix_ + "." + key;
  }
  [[noreturn]] void too_many(const std::string& key, std::size_t most) const {
    throw Error(std::string(kDocument) + ": " + name(key) + " has more than " + std::to_string(most) + " entries");
  }
  [[noreturn]] void wrong(const std::string& key, const char* expected) const {
    throw Error(std::string(kDocument) + ": " + name(key) + " is not " + expected);
  }

 private:
  template <class T>
  bool read(const char* key, T& value) const {
    const auto found = object_.find(key);
    if (found == object_.end()) return false;
    convert(key, *found, value);
    return true;
  }

  void convert(const std::string& key, const nlohmann::json& json, std::string& value) const {
    if (!json.is_string()) wrong(key, "a string");
    value = json.get<std::string>();
  }
  void convert(const std::string& key, const nlohmann::json& json, bool& value) const {
    if (!json.is_boolean()) wrong(key, "true or false");
    value = json.get<bool>();
  }
  void convert(const std::string& key, const nlohmann::json& json, double& value) const {
    // JSON has no NaN: it is written as null, and an unknown figure must not come back as zero.
    if (json.is_null()) {
      value = std::numeric_limits<double>::quiet_NaN();
      return;
    }
    if (!json.is_number()) wrong(key, "a number");
    value = json.get<double>();
  }
  template <class Integer>
  requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>)
  void convert(const std::string& key, const nlohmann::json& json, Integer& value) const {
    if (!json.is_number_integer()) wrong(key, "an integer");
    const bool fits = json.is_number_unsigned() ? std::in_range<Integer>(json.get<std::uint64_t>())
                                                : std::in_range<Integer>(json.get<std::int64_t>());
    if (!fits) wrong(key, "an integer in range");
    value = json.is_number_unsigned() ? static_cast<Integer>(json.get<std::uint64_t>())
                                      : static_cast<Integer>(json.get<std::int64_t>());
  }
  template <class T>
  void convert(const std::string& key, const nlohmann::json& json, std::vector<T>& values) const {
    if (!json.is_array()) wrong(key, "a list");
    values.clear();
    for (const auto& element : json) convert(key, element, values.emplace_back());
  }
  void convert(const std::string& key, const nlohmann::json& json, ClockAnchor& anchor) const {
    const Fields fields(json, name(key), missing_);
    fields.need("realtime_ns", anchor.realtime_ns);
    fields.need("monotonic_ns", anchor.monotonic_ns);
    fields.need("boottime_ns", anchor.boottime_ns);
  }

  const nlohmann::json& object_;
  std::string prefix_;
  std::vector<std::string>& missing_;
};

RingReport read_ring(const Fields& fields) {
  RingReport ring;
  fields.may("asked_s", ring.asked_s);
  fields.may("obtained_s", ring.obtained_s);
  fields.may("recorded", ring.recorded);
  fields.may("kept", ring.kept);
  fields.may("overwritten", ring.overwritten);
  fields.may("dropped", ring.dropped);
  fields.may("missed", ring.missed);
  fields.may("torn", ring.torn);
  return ring;
}

void bound(ClockAnchor& anchor) {
  anchor.realtime_ns = std::clamp(anchor.realtime_ns, std::int64_t{0}, kMostRealtime_ns);
  for (std::int64_t* ns : {&anchor.monotonic_ns, &anchor.boottime_ns}) *ns = std::clamp(*ns, -kMostUptime_ns, kMostUptime_ns);
}

// Sums and differences of any two, and of one with a moment of the trace, fit.
void bound_times(Manifest& m) {
  m.trigger.realtime_ns = std::clamp(m.trigger.realtime_ns, std::int64_t{0}, kMostRealtime_ns);
  for (std::int64_t* ns : {&m.trigger.monotonic_ns, &m.episode.onset_ns, &m.window.start_ns, &m.window.end_ns}) *ns = std::clamp(*ns, -kMostUptime_ns, kMostUptime_ns);
  bound(m.clock);
  for (ClockAnchor& anchor : m.anchors) bound(anchor);
}

void check_format(const nlohmann::json& root) {
  const auto format = root.is_object() ? root.find("format") : root.end();
  if (!root.is_object() || format == root.end() || !format->is_number_integer())
    throw Error(std::string(kDocument) + ": no format number: this is not a bundle of fdr");
  if (format->is_number_unsigned() && format->get<std::uint64_t>() > kBundleFormat)
    throw Error(std::string(kDocument) + ": format " + std::to_string(format->get<std::uint64_t>()) +
                    " is newer than this fdr knows (" + std::to_string(kBundleFormat) + ")",
                "read it with a newer fdr");
  if (format->get<std::int64_t>() < 1) throw Error(std::string(kDocument) + ": format is not a number above zero");
}

}  // namespace

bool Manifest::Written::without(std::string_view part) const { return std::find(left_out.begin(), left_out.end(), part) != left_out.end(); }

std::string to_json(const Manifest& m) {
  return json_file([&](JsonWriter& json) {
    json.field("format", m.format);
    json.object("fdr", [&] {
      json.field("version", m.fdr_version);
      json.field("pid", m.recorder_pid);
    });
    json.object("host", [&] {
      json.field("name", m.host.name);
      json.field("kernel", m.host.kernel);
      json.field("machine", m.host.machine);
      json.field("cpus", m.host.cpus);
      json.field("memory_bytes", m.host.memory_bytes);
    });
    json.object("target", [&] { write(json, m.target); });
    json.object("trigger", [&] { write(json, m.trigger); });
    if (!m.episode.id.empty()) json.object("episode", [&] { write(json, m.episode); });
    json.object("window", [&] {
      json.field("start", utc_text(m.clock.realtime_of(Timestamp{Duration{m.window.start_ns}})));
      json.field("end", utc_text(m.clock.realtime_of(Timestamp{Duration{m.window.end_ns}})));
      json.field("start_ns", m.window.start_ns);
      json.field("end_ns", m.window.end_ns);
      json.field("before_s", m.window.before_s);
      json.field("after_s", m.window.after_s);
    });
    json.object("clock", [&] {
      write(json, m.clock);
      json.array("anchors", [&] {
        for (const ClockAnchor& anchor : m.anchors) json.object([&] { write(json, anchor); });
      });
    });
    json.object("stacks", [&] {
      const double share = m.stacks.samples ? static_cast<double>(m.stacks.complete) / static_cast<double>(m.stacks.samples) : 0;
      json.field("samples", m.stacks.samples);
      json.field("complete", m.stacks.complete);
      json.field("share_complete", share);
      json.field("copied", m.stacks.copied);
      json.field("reasons", m.stacks.reasons);
      if (m.sampled_hz) json.field("sampled_hz", m.sampled_hz);
    });
    json.object("rings", [&] {
      for (const auto& [name, ring] : m.rings) json.object(name, [&] { write(json, ring); });
    });
    json.object("cost", [&] {
      json.field("cpu_seconds", m.cost.cpu_seconds);
      json.field("rss_bytes", m.cost.rss_bytes);
      json.field("window_bytes", m.cost.window_bytes);
      json.field("dump_seconds", m.cost.dump_seconds);
    });
    json.object("written", [&] { write(json, m.written); });
    json.field("losses", m.losses);
    json.field("switches_unseen", m.switches_unseen);
    json.field("backend", m.backend);
    json.field("config", m.config);
    json.field("grade", nullptr);  // of a bundle that is read, never in it
    json.field("signature", nullptr);
    json.object("files", [&] {
      for (const auto& [path, sum] : m.files) json.object(path, [&] { json.field("sha256", sum); });
    });
  });
}

Manifest manifest_from_json(std::string_view text) {
  const nlohmann::json json = parse_json(text, kDocument);
  check_format(json);
  std::vector<std::string> missing;
  const Fields root(json, "", missing);
  Manifest m;
  root.need("format", m.format);
  const Fields fdr = root.object("fdr");
  fdr.need("version", m.fdr_version);
  fdr.may("pid", m.recorder_pid);

  const Fields host = root.object("host");
  host.need("name", m.host.name);
  host.need("kernel", m.host.kernel);
  host.may("machine", m.host.machine);
  host.need("cpus", m.host.cpus);
  host.may("memory_bytes", m.host.memory_bytes);

  const Fields target = root.object("target");
  target.need("mode", m.target.mode);
  target.need("pids", m.target.pids);
  if (m.target.pids.size() > kMostPids) target.too_many("pids", kMostPids);
  target.need("command", m.target.command);
  target.may("names", m.target.names);
  target.may("container", m.target.container);
  const Fields inside = target.object("ns_pids");
  inside.each(kMostPids, [&](const std::string& key, const nlohmann::json&) {
    std::int32_t pid = 0;
    const auto parsed = std::from_chars(key.data(), key.data() + key.size(), pid);
    if (parsed.ec != std::errc{} || parsed.ptr != key.data() + key.size()) inside.wrong(key, "of a process id");
    inside.may(key.c_str(), m.target.ns_pids[pid]);
  });

  const Fields trigger = root.object("trigger");
  trigger.need("name", m.trigger.name);
  trigger.need("when", m.trigger.when);
  trigger.need("value", m.trigger.value);
  trigger.may("value_text", m.trigger.value_text);
  trigger.may("evidence", m.trigger.evidence);
  trigger.may("realtime_ns", m.trigger.realtime_ns);
  trigger.need("monotonic_ns", m.trigger.monotonic_ns);
  trigger.may("drill", m.trigger.drill);
  const Fields episode = root.object("episode");
  episode.may("id", m.episode.id);
  episode.may("stage", m.episode.stage);
  episode.may("onset_bundle", m.episode.onset_bundle);
  episode.may("onset_ns", m.episode.onset_ns);
  episode.may("rules", m.episode.rules);

  const Fields window = root.object("window");
  window.need("start_ns", m.window.start_ns);
  window.need("end_ns", m.window.end_ns);
  window.need("before_s", m.window.before_s);
  window.need("after_s", m.window.after_s);

  const Fields clock = root.object("clock");
  clock.need("realtime_ns", m.clock.realtime_ns);
  clock.need("monotonic_ns", m.clock.monotonic_ns);
  clock.need("boottime_ns", m.clock.boottime_ns);
  clock.may("anchors", m.anchors);

  const Fields stacks = root.object("stacks");
  stacks.need("samples", m.stacks.samples);
  stacks.need("complete", m.stacks.complete);
  stacks.may("copied", m.stacks.copied);
  stacks.may("sampled_hz", m.sampled_hz);
  const Fields reasons = stacks.object("reasons");
  reasons.each(kMostReasons, [&](const std::string& key, const nlohmann::json&) { reasons.may(key.c_str(), m.stacks.reasons[key]); });

  const Fields rings = root.object("rings");
  rings.each(
      kMostRings, [&](const std::string& key, const nlohmann::json&) { m.rings[key] = read_ring(rings.object(key.c_str())); });

  const Fields cost = root.object("cost");
  cost.may("cpu_seconds", m.cost.cpu_seconds);
  cost.may("rss_bytes", m.cost.rss_bytes);
  cost.may("window_bytes", m.cost.window_bytes);
  cost.may("dump_seconds", m.cost.dump_seconds);
  const Fields written = root.object("written");
  written.may("rung", m.written.rung);
  written.may("why", m.written.why);
  written.may("left_out", m.written.left_out);
  written.may("needed_bytes", m.written.needed_bytes);
  root.may("losses", m.losses);
  root.may("switches_unseen", m.switches_unseen);
  root.may("backend", m.backend);
  root.may("config", m.config);
  const Fields files = root.object("files");
  files.each(
      kMaxBundleFiles, [&](const std::string& key, const nlohmann::json&) { files.object(key.c_str()).need("sha256", m.files[key]); });

  if (!missing.empty()) {
    std::string list;
    for (const std::string& key : missing) list += (list.empty() ? "" : ", ") + key;
    throw Error(std::string(kDocument) + ": missing: " + list);
  }
  bound_times(m);
  return m;
}

}  // namespace fdr
