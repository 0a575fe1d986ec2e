#include "formats/json_text.hpp"

#include "formats/error.hpp"

namespace fdr {
namespace {

// Depth and number of values, without building anything: a tree takes ten times the room of its text, and only then
// would one know.
void check_bounds(std::string_view text, const std::string& document) {
  std::size_t depth = 0, values = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++values;
      if (++depth > kMaxJsonDepth) throw Error(document + ": nested deeper than " + std::to_string(kMaxJsonDepth));
    } else if (c == '}' || c == ']') {
      if (depth > 0) --depth;
    } else if (c == ',') {
      ++values;
    }
    if (values > kMaxJsonValues) throw Error(document + ": more than " + std::to_string(kMaxJsonValues) + " values");
  }
}

}  // namespace

std::string dump_json(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string dump_json_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

nlohmann::json parse_json(std::string_view text, const std::string& document) {
  check_bounds(text, document);
  try {
    return nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    throw Error(document + ": not JSON: damaged at byte " + std::to_string(error.byte));
  } catch (const nlohmann::json::out_of_range&) {  // 1e999
    throw Error(document + ": a number too large");
  }
}

}  // namespace fdr
