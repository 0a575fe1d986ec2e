// A profile in pprof's format (google/pprof, proto/profile.proto), put together in memory: strings, functions, mappings and
// locations get their ids here, samples name locations. It knows nothing of recordings. Ids begin at 1, 0 means none. Text
// must have passed printable(). One thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fdr {

struct PprofMapping {
  std::uint64_t start = 0, limit = 0;  // addresses of its locations; those of a file begin at its offset 0
  std::string file, build_id;          // hex
  bool named = false;                  // its locations have functions: nobody need look for any
};

struct PprofLine {
  std::string function, file;
  int line = 0;
};

struct PprofLabel {
  const char* key;
  std::string text;         // either this,
  std::int64_t number = 0;  // or this where `text` is empty
};

class PprofProfile {
 public:
  PprofProfile() { string(""); }

  void value_type(std::string_view type, std::string_view unit);
  // What a sample stands for: `period` units of the clock that took it.
  void period(std::string_view type, std::string_view unit, std::int64_t period);
  void default_type(std::string_view type);
  void comment(std::string_view text);
  void time(std::int64_t realtime_ns, std::int64_t duration_ns);
  std::uint64_t mapping(const PprofMapping& mapping);
  // `lines`: innermost inlined function first; empty where only the address is known.
  std::uint64_t location(std::uint64_t mapping, std::uint64_t address, const std::vector<PprofLine>& lines);
  // `locations`: innermost first. As many values as there are types.
  void sample(const std::vector<std::uint64_t>& locations, const std::vector<std::int64_t>& values,
              const std::vector<PprofLabel>& labels);

  // The message; nothing may be added after it.
  std::string finish();

 private:
  std::int64_t string(std::string_view text);
  std::uint64_t function(const std::string& name, const std::string& file);
  void put_value_type(std::uint32_t field, std::string_view type, std::string_view unit);

  std::string out_;
  std::vector<std::string> texts_;
  std::map<std::string, std::int64_t, std::less<>> strings_;
  std::map<std::pair<std::string, std::string>, std::uint64_t> functions_;
  std::uint64_t mappings_ = 0, locations_ = 0;
};

}  // namespace fdr
