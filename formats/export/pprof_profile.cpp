#include "formats/export/pprof_profile.hpp"

#include <protozero/pbf_writer.hpp>

namespace fdr {
namespace {

using Message = protozero::pbf_writer;
using Field = std::uint32_t;

// Field numbers of proto/profile.proto.
namespace profile {
constexpr Field kSampleType = 1, kSample = 2, kMapping = 3, kLocation = 4, kFunction = 5, kStrings = 6, kTime = 9,
                kDuration = 10, kPeriodType = 11, kPeriod = 12, kComment = 13, kDefaultType = 14;
}
namespace value_type {
constexpr Field kType = 1, kUnit = 2;
}
namespace sample {
constexpr Field kLocations = 1, kValues = 2, kLabel = 3;
}
namespace label {
constexpr Field kKey = 1, kText = 2, kNumber = 3;
}
namespace mapping {
constexpr Field kId = 1, kStart = 2, kLimit = 3, kFile = 5, kBuildId = 6, kHasFunctions = 7, kHasFiles = 8, kHasLines = 9,
                kHasInlines = 10;
}
namespace location {
constexpr Field kId = 1, kMapping = 2, kAddress = 3, kLine = 4;
}
namespace line {
constexpr Field kFunction = 1, kLine = 2;
}
namespace function {
constexpr Field kId = 1, kName = 2, kSystemName = 3, kFile = 4;
}

}  // namespace

std::int64_t PprofProfile::string(std::string_view text) {
  const auto known = strings_.find(text);
  if (known != strings_.end()) return known->second;
  const auto index = static_cast<std::int64_t>(texts_.size());
  texts_.emplace_back(text);
  strings_.emplace(text, index);
  return index;
}

void PprofProfile::put_value_type(Field field, std::string_view type, std::string_view unit) {
  Message out{out_};
  Message message{out, field};
  message.add_int64(value_type::kType, string(type));
  message.add_int64(value_type::kUnit, string(unit));
}

void PprofProfile::value_type(std::string_view type, std::string_view unit) {
  put_value_type(profile::kSampleType, type, unit);
}

void PprofProfile::period(std::string_view type, std::string_view unit, std::int64_t period) {
  put_value_type(profile::kPeriodType, type, unit);
  Message{out_}.add_int64(profile::kPeriod, period);
}

void PprofProfile::default_type(std::string_view type) { Message{out_}.add_int64(profile::kDefaultType, string(type)); }

void PprofProfile::comment(std::string_view text) { Message{out_}.add_int64(profile::kComment, string(text)); }

void PprofProfile::time(std::int64_t realtime_ns, std::int64_t duration_ns) {
  Message out{out_};
  out.add_int64(profile::kTime, realtime_ns);
  out.add_int64(profile::kDuration, duration_ns);
}

std::uint64_t PprofProfile::mapping(const PprofMapping& given) {
  const std::uint64_t id = ++mappings_;
  const std::int64_t file = string(given.file), build_id = string(given.build_id);
  Message out{out_};
  Message message{out, profile::kMapping};
  message.add_uint64(mapping::kId, id);
  message.add_uint64(mapping::kStart, given.start);
  message.add_uint64(mapping::kLimit, given.limit);
  message.add_int64(mapping::kFile, file);
  message.add_int64(mapping::kBuildId, build_id);
  if (given.named)
    for (const Field has : {mapping::kHasFunctions, mapping::kHasFiles, mapping::kHasLines, mapping::kHasInlines})
      message.add_bool(has, true);
  return id;
}

std::uint64_t PprofProfile::function(const std::string& name, const std::string& file) {
  const auto [known, fresh] = functions_.try_emplace({name, file}, functions_.size() + 1);
  if (!fresh) return known->second;
  const std::int64_t name_index = string(name), file_index = string(file);
  Message out{out_};
  Message message{out, profile::kFunction};
  message.add_uint64(function::kId, known->second);
  message.add_int64(function::kName, name_index);
  message.add_int64(function::kSystemName, name_index);
  message.add_int64(function::kFile, file_index);
  return known->second;
}

std::uint64_t PprofProfile::location(std::uint64_t mapping, std::uint64_t address, const std::vector<PprofLine>& lines) {
  const std::uint64_t id = ++locations_;
  std::vector<std::uint64_t> functions;
  for (const PprofLine& one : lines) functions.push_back(function(one.function, one.file));
  Message out{out_};
  Message message{out, profile::kLocation};
  message.add_uint64(location::kId, id);
  message.add_uint64(location::kMapping, mapping);
  message.add_uint64(location::kAddress, address);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    Message entry{message, location::kLine};
    entry.add_uint64(line::kFunction, functions[i]);
    entry.add_int64(line::kLine, lines[i].line);
  }
  return id;
}

void PprofProfile::sample(const std::vector<std::uint64_t>& locations, const std::vector<std::int64_t>& values,
                          const std::vector<PprofLabel>& labels) {
  std::vector<std::pair<std::int64_t, std::int64_t>> texts;  // of each label: key, text
  for (const PprofLabel& one : labels) texts.emplace_back(string(one.key), string(one.text));
  Message out{out_};
  Message message{out, profile::kSample};
  message.add_packed_uint64(sample::kLocations, locations.begin(), locations.end());
  message.add_packed_int64(sample::kValues, values.begin(), values.end());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    Message entry{message, sample::kLabel};
    entry.add_int64(label::kKey, texts[i].first);
    if (labels[i].text.empty()) entry.add_int64(label::kNumber, labels[i].number);
    else entry.add_int64(label::kText, texts[i].second);
  }
}

std::string PprofProfile::finish() {
  Message out{out_};
  for (const std::string& text : texts_) out.add_string(profile::kStrings, text);
  return std::move(out_);
}

}  // namespace fdr
