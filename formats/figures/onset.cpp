#include "formats/figures/onset.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "formats/error.hpp"
#include "formats/figures/metrics.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr double kQuietLeast_s = 1.0;   // less of it proves no level
constexpr double kDip_s = 1.0;          // an incident may touch the quiet level for as long
constexpr double kRecent_s = 8;         // where the whole window is too restless, these last seconds are looked at alone
constexpr double kEffectInSpreads = 5;  // the change must stand out of the quiet part's own noise by as much

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Level {
  double value = 0, spread = 0;  // median; 1.4826 x median absolute deviation: a normal's standard deviation
};

Level level_of(const MetricPoints& points, std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(points[i].second);
  Level level;
  level.value = median(values);
  for (double& value : values) value = std::abs(value - level.value);
  level.spread = 1.4826 * median(values);
  return level;
}

// Where two means explain the points best: the index of the first of the second part, 0 where nothing is explained.
std::size_t best_split(const MetricPoints& points, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += points[i].second;
  const double mean = sum / static_cast<double>(count);
  double left = 0, best = 0;
  std::size_t at = 0;
  for (std::size_t i = 1; i < count; ++i) {
    left += points[i - 1].second - mean;
    const double n = static_cast<double>(i), rest = static_cast<double>(count - i);
    const double explained = left * left / n + left * left / rest;  // of the sum of squares around the mean
    if (explained > best) best = explained, at = i;
  }
  return at;
}

struct Departure {
  std::size_t first = 0;  // index of the first point of the incident
  std::size_t peak = 0;   // index of the point that was furthest from quiet when the rule fired
  Level quiet;
  double band = 0;
  double effect = 0;  // in spreads
};

// A counter that moves in steps stands still at every second tick, and the rule may fire at one of those: what the
// metric did in the last second before the firing counts, not the last point alone.
std::size_t furthest(const MetricPoints& points, std::size_t fired, double level) {
  std::size_t peak = fired;
  for (std::size_t i = fired; i-- > 0 && to_seconds(points[fired].first - points[i].first) < kDip_s;)
    if (std::abs(points[i].second - level) > 2 * std::abs(points[peak].second - level)) peak = i;
  return peak;
}

// From the point of the firing back to where the metric left the level of points[0, split).
std::optional<Departure> walk_back(const MetricPoints& points, std::size_t fired, std::size_t split) {
  Departure found;
  std::size_t quiet = split;
  for (int round = 0; round < 3; ++round) {
    if (quiet < 3 || to_seconds(points[quiet - 1].first - points[0].first) < kQuietLeast_s) return std::nullopt;
    found.quiet = level_of(points, quiet);
    found.peak = furthest(points, fired, found.quiet.value);
    const double effect = std::abs(points[found.peak].second - found.quiet.value);
    found.band = std::max(4 * found.quiet.spread, 0.05 * effect);
    found.effect = found.quiet.spread > 0 ? effect / found.quiet.spread : 1e9;
    if (effect <= 0 || found.effect < kEffectInSpreads || effect <= found.band) return std::nullopt;
    const bool above = points[found.peak].second > found.quiet.value;
    std::size_t first = found.peak;
    for (std::size_t i = found.peak; i-- > 0;) {
      const double away = above ? points[i].second - found.quiet.value : found.quiet.value - points[i].second;
      if (away > found.band) first = i;
      if (to_seconds(points[first].first - points[i].first) > kDip_s) break;
    }
    found.first = first;
    if (first == quiet) break;
    quiet = std::min(first, split);  // points of a slope's foot are none of the quiet part
    if (first > split) break;        // an earlier episode lies between: the level stands
  }
  return found;
}

std::optional<Departure> depart(const MetricPoints& points, std::size_t fired) {
  const std::size_t split = best_split(points, fired + 1);
  auto departure = split > 0 ? walk_back(points, fired, split) : std::nullopt;
  return departure && departure->first > 0 ? departure : std::nullopt;
}

// A slope leaves the band late: its line, taken back to the quiet level, says when it began. A step is no slope.
Timestamp foot_of_slope(const MetricPoints& points, const Departure& departure, std::size_t fired) {
  const Timestamp first = points[departure.first].first;
  const double length = to_seconds(points[fired].first - first);
  const std::size_t count = fired - departure.first + 1;
  if (count < 8 || length < 1) return first;
  double st = 0, sv = 0, stt = 0, stv = 0, svv = 0;
  for (std::size_t i = departure.first; i <= fired; ++i) {
    const double t = to_seconds(points[i].first - first), v = points[i].second;
    st += t, sv += v, stt += t * t, stv += t * v, svv += v * v;
  }
  const double n = static_cast<double>(count);
  const double tt = stt - st * st / n, tv = stv - st * sv / n, vv = svv - sv * sv / n;
  if (tt <= 0 || vv <= 0 || tv * tv / (tt * vv) < 0.85) return first;
  const double slope = tv / tt, begin = (sv - slope * st) / n;
  const double back = (departure.quiet.value - begin) / slope;  // seconds from `first`, negative
  if (!(back < 0) || back < -0.5 * length) return first;
  return std::max(first + from_seconds(back), points.front().first);
}

// When the metric was back inside the band for longer than a dip, after the firing.
Timestamp end_of_incident(const MetricPoints& points, const Departure& departure, std::size_t fired, Timestamp end) {
  const bool above = points[departure.peak].second > departure.quiet.value;
  const auto outside = [&](double value) {
    return (above ? value - departure.quiet.value : departure.quiet.value - value) > departure.band;
  };
  for (std::size_t i = fired, back = fired; i < points.size(); ++i) {  // inside from `back` to `i`, or outside at `i`
    if (outside(points[i].second)) back = i + 1;
    if (back <= i && to_seconds(points[i].first - points[back].first) > kDip_s) return points[back].first;
  }
  return end;
}

double mean_between(const MetricPoints& points, Timestamp from, Timestamp to) {
  double sum = 0, count = 0;
  for (const auto& [time, value] : points)
    if (time >= from && time <= to) sum += value, ++count;
  return count > 0 ? sum / count : 0;
}

std::string moved_text(const MetricSeries& series, double quiet, double incident) {
  return fmt::format("{} from {} to {}", printable(series.name), metric_text(quiet, series),
                     metric_text(incident, series));
}

struct Candidate {
  Onset onset;
  double effect = 0;
};

Candidate find_on(const MetricSeries& series, const Timeline& timeline, Timestamp fired_at) {
  Candidate result;
  Onset& onset = result.onset;
  onset.metric = series.name;
  MetricPoints points = metric_points(series);
  std::erase_if(points, [&](const auto& p) { return p.first < timeline.begin || p.first > timeline.end; });
  const auto after = std::upper_bound(points.begin(), points.end(), fired_at,
                                      [](Timestamp time, const auto& point) { return time < point.first; });
  if (after == points.begin()) {
    onset.how = printable(series.name) + " is not known before the firing";
    return result;
  }
  const auto fired = static_cast<std::size_t>(after - points.begin()) - 1;
  std::size_t fired_index = fired;
  std::optional<Departure> departure = depart(points, fired);
  if (!departure) {
    // A level that wanders for a minute may have been calm right before it jumped.
    const Timestamp recent = points[fired].first - from_seconds(kRecent_s);
    const auto old = static_cast<std::ptrdiff_t>(std::lower_bound(points.begin(), points.end(), recent, [](const auto& point, Timestamp time) { return point.first < time; }) - points.begin());
    points.erase(points.begin(), points.begin() + old);
    fired_index = fired - static_cast<std::size_t>(old);
    if (old > 0) departure = depart(points, fired_index);
  }
  if (!departure) {
    onset.how = printable(series.name) + ": no change stands out before the firing; it may be older than the window";
    return result;
  }
  onset.known = true;
  onset.time = foot_of_slope(points, *departure, fired_index);
  onset.until = end_of_incident(points, *departure, fired_index, timeline.end);
  onset.quiet = departure->quiet.value;
  onset.incident = mean_between(points, onset.time, std::min(onset.until, points[fired_index].first));
  onset.how = moved_text(series, onset.quiet, series.kind == MetricKind::kCounter ? onset.incident : points[departure->peak].second);
  result.effect = departure->effect;
  return result;
}

// A metric that is itself a time since something: the age of a heartbeat, how long a thread has spun.
bool counts_time(const std::string& name) {
  return name == "spin" || name == "stall" || (name.starts_with("beat.") && name.ends_with(".age"));
}

Candidate find_by_age(const MetricSeries& series, const Timeline& timeline, Timestamp fired_at) {
  Candidate result;
  Onset& onset = result.onset;
  onset.metric = series.name;
  const MetricSeries::Point* last = nullptr;
  for (const MetricSeries::Point& point : series.points)
    if (point.time <= fired_at && std::isfinite(point.value) && point.value >= 0 && point.value < 1e9) last = &point;
  if (!last) {
    onset.how = printable(series.name) + " is not known before the firing";
    return result;
  }
  onset.time = last->time - from_seconds(last->value);
  if (onset.time <= timeline.begin) {
    onset.how = fmt::format("{} was {} at the firing: older than the window", printable(series.name),
                            duration_text(from_seconds(last->value)));
    return result;
  }
  onset.known = true;
  onset.incident = last->value;
  onset.until = timeline.end;
  for (const MetricSeries::Point& point : series.points)
    if (point.time > fired_at && point.value < last->value / 2) {
      onset.until = point.time;
      break;
    }
  onset.how = fmt::format("{} was {} at the firing", printable(series.name), duration_text(from_seconds(last->value)));
  result.effect = 1e9;
  return result;
}

// The manifest is a stranger's: within 95 years no difference of two moments overflows.
std::int64_t bounded_ns(std::int64_t ns) {
  constexpr std::int64_t most = 3'000'000'000'000'000'000;
  return std::clamp(ns, -most, most);
}

Timestamp firing_of(const Manifest& manifest) { return Timestamp{Duration{bounded_ns(manifest.trigger.monotonic_ns)}}; }

bool part_of_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '[' || c == ']' || c == '-';
}

}  // namespace

MetricPoints metric_points(const MetricSeries& series) {
  MetricPoints points;
  const MetricSeries::Point* previous = nullptr;
  for (const MetricSeries::Point& point : series.points) {
    if (!std::isfinite(point.value)) {
      previous = nullptr;
      continue;
    }
    double value = point.value;
    bool known = true;
    if (series.kind == MetricKind::kCounter) {
      known = previous && point.time > previous->time && value >= previous->value;
      if (known) value = (value - previous->value) / to_seconds(point.time - previous->time);
      previous = &point;
    }
    if (known) points.emplace_back(point.time, value);
  }
  return points;
}

bool names_metric(std::string_view rule, std::string_view metric) {
  if (metric.empty()) return false;
  for (std::size_t at = rule.find(metric); at != std::string_view::npos; at = rule.find(metric, at + 1)) {
    const std::size_t end = at + metric.size();
    if ((at == 0 || !part_of_name(rule[at - 1])) && (end == rule.size() || !part_of_name(rule[end]))) return true;
  }
  return false;
}

Onset find_onset(const Manifest& manifest, const Timeline& timeline) {
  // The bundle of an episode's end is about the same onset as its first one.
  const bool ending = manifest.episode.stage == "end";
  const Timestamp fired = ending ? Timestamp{Duration{bounded_ns(manifest.episode.onset_ns)}} : firing_of(manifest);
  Onset unknown;
  unknown.how = "no metric of the rule was recorded";
  if (ending && fired < timeline.begin) {
    unknown.how = fmt::format("the rule fired {:.0f} s before the recording begins: see the episode's first bundle",
                              to_seconds(timeline.begin - fired));
    return unknown;
  }
  if (timeline.end <= timeline.begin || fired < timeline.begin) {
    unknown.how = "the firing lies outside the recording";
    return unknown;
  }
  std::optional<Candidate> best;
  for (const MetricSeries& series : timeline.metrics) {
    if (!names_metric(manifest.trigger.when, series.name)) continue;
    Candidate found = counts_time(series.name) ? find_by_age(series, timeline, fired) : find_on(series, timeline, fired);
    // Of several the one that left its level first: the others followed.
    const bool better = !best || (found.onset.known && (!best->onset.known || found.onset.time < best->onset.time));
    if (better) best = std::move(found);
  }
  return best ? best->onset : unknown;
}

Onset given_onset(std::string_view text, const Manifest& manifest, const Timeline& timeline) {
  const std::string hint = "seconds from the firing (-3.5), or UTC as 12:41:20.5 or 2026-03-01T12:41:20.5Z";
  const auto bad = [&] { return Error("'" + printable(text) + "' is no moment", hint); };
  Onset onset;
  const Timestamp fired = firing_of(manifest);
  const std::string copy(text);
  double seconds = 0;
  if (text.find(':') == std::string_view::npos) {
    char* end = nullptr;
    seconds = std::strtod(copy.c_str(), &end);
    if (copy.empty() || *end != '\0' || !std::isfinite(seconds) || std::abs(seconds) > 1e9) throw bad();
    onset.time = fired + from_seconds(seconds);
  } else {
    const std::string day = utc_text(manifest.trigger.realtime_ns).substr(0, 11);
    const std::string whole = text.find('T') == std::string_view::npos ? day + copy : copy;
    std::tm parts{};
    const char* end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (!end) throw bad();
    if (*end == '.') {
      char* rest = nullptr;
      seconds = std::strtod(end, &rest);
      end = rest;
    }
    if (!(*end == '\0' || (*end == 'Z' && end[1] == '\0'))) throw bad();
    const std::int64_t wall_s = ::timegm(&parts);
    if (wall_s < 0 || wall_s > 3'000'000'000) throw bad();
    onset.time = fired + Duration{wall_s * 1'000'000'000 - bounded_ns(manifest.trigger.realtime_ns)} + from_seconds(seconds);
  }
  if (onset.time < timeline.begin || onset.time > timeline.end)
    throw Error("the onset " + printable(text) + " lies outside the window",
                fmt::format("it reaches from {:.1f} to {:+.1f} seconds around the firing",
                            to_seconds(timeline.begin - fired), to_seconds(timeline.end - fired)));
  onset.known = true;
  onset.until = timeline.end;
  onset.how = "given";
  return onset;
}

}  // namespace fdr
