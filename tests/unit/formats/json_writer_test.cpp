#include "formats/json_writer.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/json_text.hpp"

using namespace fdr;

TEST_CASE("json_writer: a file is laid out as the library lays out its trees") {
  const std::string text = json_file([](JsonWriter& json) {
    json.field("text", "a \"b\"\n\\");
    json.field("number", 5.0);
    json.field("least", std::numeric_limits<std::int64_t>::min());
    json.field("most", std::numeric_limits<std::uint64_t>::max());
    json.field("yes", true);
    json.object("empty", [] {});
    json.array("none", [] {});
    json.object("deep", [&] {
      json.field("list", std::vector<std::string>{"x", "y"});
      json.field("map", std::map<std::string, int>{{"k", 1}});
    });
    json.array("rows", [&] {
      json.item(1);
      json.object([&] { json.field("in", std::array{1, 2}); });
    });
  });
  const Json tree = {{"text", "a \"b\"\n\\"}, {"number", 5.0}, {"least", std::numeric_limits<std::int64_t>::min()}, {"most", std::numeric_limits<std::uint64_t>::max()},
                     {"yes", true}, {"empty", Json::object()}, {"none", Json::array()}, {"deep", {{"list", {"x", "y"}}, {"map", {{"k", 1}}}}},
                     {"rows", {1, {{"in", {1, 2}}}}}};
  CHECK(text == dump_json(tree));
}

TEST_CASE("json_writer: a line has no space in it and one end") {
  CHECK(json_line([](JsonWriter& json) {
          json.field("a", 1);
          json.array("b", [&] { json.item("c"); });
        }) == "{\"a\":1,\"b\":[\"c\"]}\n");
  CHECK(json_line([](JsonWriter&) {}) == "{}\n");
}

TEST_CASE("json_writer: what is not known is null, and any bytes are text") {
  const std::string text = json_line([](JsonWriter& json) {
    json.field("nan", std::numeric_limits<double>::quiet_NaN());
    json.field("endless", std::numeric_limits<double>::infinity());
    json.field("absent", std::optional<int>());
    json.field("there", std::optional<int>(3));
    json.field("nothing", nullptr);
    json.field("by\xff", "tes\xfe\x01");
  });
  CHECK(text == R"({"nan":null,"endless":null,"absent":null,"there":3,"nothing":null,"by\\xff":"tes\\xfe\u0001"})" "\n");
  CHECK(parse_json(text, "test").size() == 6);
}
