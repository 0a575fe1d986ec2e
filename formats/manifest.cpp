#include "formats/manifest.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "formats/error.hpp"
#include "formats/file_tree.hpp"
#include "formats/json_text.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr const char* kDocument = "manifest.json";
// More than any recorder writes: it has ten rings, nine reasons, and a table of 65 536 processes.
constexpr std::size_t kMostRings = 64, kMostReasons = 64, kMostPids = 65'536;
constexpr std::int64_t kMostUptime_ns = std::int64_t{1} << 60, kMostRealtime_ns = std::int64_t{1} << 62;  // 36 years; the year 2116

Json clock_json(const ClockAnchor& anchor) {
  return {
      {"realtime_ns", anchor.realtime_ns}, {"monotonic_ns", anchor.monotonic_ns}, {"boottime_ns", anchor.boottime_ns}};
}

Json strings_json(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(valid_utf8(text));
  return list;
}

// One key after the other: a Json that is asked for each of them by name looks through all those before.
template <class Map, class Name, class Value>
Json object_json(const Map& map, Name name, Value value) {
  Json::object_t object;
  for (const auto& [key, of_key] : map) object.Container::emplace_back(name(key), value(of_key));
  return object;
}

Json ring_json(const RingReport& ring) {
  return {{"asked_s", ring.asked_s},         {"obtained_s", ring.obtained_s},
          {"recorded", ring.recorded},       {"kept", ring.kept},
          {"overwritten", ring.overwritten}, {"dropped", ring.dropped},
          {"missed", ring.missed},           {"torn", ring.torn}};
}

Json episode_json(const Manifest::Episode& episode) {
  Json json = {{"id", valid_utf8(episode.id)}, {"stage", valid_utf8(episode.stage)}, {"onset_ns", episode.onset_ns}, {"rules", strings_json(episode.rules)}};
  if (!episode.onset_bundle.empty()) json["onset_bundle"] = valid_utf8(episode.onset_bundle);
  return json;
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
  Json json;
  json["format"] = m.format;
  json["fdr"] = {{"version", valid_utf8(m.fdr_version)}, {"pid", m.recorder_pid}};
  json["host"] = {{"name", valid_utf8(m.host.name)},
                  {"kernel", valid_utf8(m.host.kernel)},
                  {"machine", valid_utf8(m.host.machine)},
                  {"cpus", m.host.cpus},
                  {"memory_bytes", m.host.memory_bytes}};
  json["target"] = {{"mode", valid_utf8(m.target.mode)},
                    {"pids", m.target.pids},
                    {"command", strings_json(m.target.command)},
                    {"names", strings_json(m.target.names)}};
  if (!m.target.container.empty()) json["target"]["container"] = valid_utf8(m.target.container);
  if (!m.target.ns_pids.empty())
    json["target"]["ns_pids"] = object_json(m.target.ns_pids, [](std::int32_t pid) { return std::to_string(pid); }, [](std::int32_t inside) { return Json(inside); });
  json["trigger"] = {{"name", valid_utf8(m.trigger.name)},
                     {"when", valid_utf8(m.trigger.when)},
                     {"value", m.trigger.value},
                     {"value_text", valid_utf8(m.trigger.value_text)},
                     {"evidence", valid_utf8(m.trigger.evidence)},
                     {"time", utc_text(m.trigger.realtime_ns)},
                     {"realtime_ns", m.trigger.realtime_ns},
                     {"monotonic_ns", m.trigger.monotonic_ns}};
  if (m.trigger.drill) json["trigger"]["drill"] = true;
  if (!m.episode.id.empty()) json["episode"] = episode_json(m.episode);
  json["window"] = {{"start", utc_text(m.clock.realtime_of(Timestamp{Duration{m.window.start_ns}}))},
                    {"end", utc_text(m.clock.realtime_of(Timestamp{Duration{m.window.end_ns}}))},
                    {"start_ns", m.window.start_ns},
                    {"end_ns", m.window.end_ns},
                    {"before_s", m.window.before_s},
                    {"after_s", m.window.after_s}};
  json["clock"] = clock_json(m.clock);
  json["clock"]["anchors"] = Json::array();
  for (const ClockAnchor& anchor : m.anchors) json["clock"]["anchors"].push_back(clock_json(anchor));
  const double share =
      m.stacks.samples ? static_cast<double>(m.stacks.complete) / static_cast<double>(m.stacks.samples) : 0;
  json["stacks"] = {{"samples", m.stacks.samples}, {"complete", m.stacks.complete}, {"share_complete", share}, {"copied", m.stacks.copied}};
  json["stacks"]["reasons"] = object_json(m.stacks.reasons, valid_utf8, [](std::uint64_t samples) { return Json(samples); });
  if (m.sampled_hz) json["stacks"]["sampled_hz"] = m.sampled_hz;
  json["rings"] = object_json(m.rings, valid_utf8, ring_json);
  json["cost"] = {{"cpu_seconds", m.cost.cpu_seconds},
                  {"rss_bytes", m.cost.rss_bytes},
                  {"window_bytes", m.cost.window_bytes},
                  {"dump_seconds", m.cost.dump_seconds}};
  json["written"] = {{"rung", valid_utf8(m.written.rung)}};
  if (!m.written.why.empty()) json["written"]["why"] = valid_utf8(m.written.why);
  if (!m.written.left_out.empty()) json["written"]["left_out"] = strings_json(m.written.left_out);
  if (m.written.needed_bytes) json["written"]["needed_bytes"] = m.written.needed_bytes;
  json["losses"] = strings_json(m.losses);
  json["switches_unseen"] = m.switches_unseen;
  json["backend"] = valid_utf8(m.backend);
  json["config"] = valid_utf8(m.config);
  json["grade"] = nullptr;  // of a bundle that is read, never in it
  json["signature"] = nullptr;
  json["files"] = object_json(m.files, valid_utf8, [](const std::string& sum) { return Json{{"sha256", sum}}; });
  return dump_json(json);
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
