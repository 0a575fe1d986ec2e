#include "formats/json_writer.hpp"

#include <nlohmann/json.hpp>

#include "formats/text.hpp"

namespace fdr {

namespace {

// As nlohmann-json writes them: of a value that is alone nothing is allocated when it goes.
std::string quoted(std::string_view text) { return nlohmann::json(valid_utf8(text)).dump(); }

}  // namespace

void JsonWriter::item(std::string_view text) { put(quoted(text)); }

void JsonWriter::item(double value) { put(nlohmann::json(value).dump()); }

std::string JsonWriter::text() && {
  text_ += '\n';
  return std::move(text_);
}

void JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  ++depth_;
  first_ = true;
}

void JsonWriter::close(char bracket) {
  --depth_;
  if (!first_) new_line();
  text_ += bracket;
  first_ = false;
}

void JsonWriter::name(std::string_view key) {
  separate();
  text_ += quoted(key);
  text_ += layout_ == Layout::kIndented ? ": " : ":";
  named_ = true;
}

void JsonWriter::put(std::string_view value) {
  separate();
  text_ += value;
}

void JsonWriter::separate() {
  if (named_) {
    named_ = false;
    return;
  }
  if (!first_) text_ += ',';
  if (depth_ > 0) new_line();
  first_ = false;
}

void JsonWriter::new_line() {
  if (layout_ == Layout::kLine) return;
  text_ += '\n';
  text_.append(2 * depth_, ' ');
}

}  // namespace fdr
