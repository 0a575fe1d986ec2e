#include "recorder/logs/pattern.hpp"

#include <re2/re2.h>

namespace fdr {
namespace {

constexpr std::int64_t kMostMemory = 1 << 20;  // of the compiled expression and its states

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

Pattern::Pattern(const std::string& expression) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kMostMemory);
  auto engine = std::make_shared<const re2::RE2>(expression, options);
  if (!engine->ok()) {
    const std::size_t at = engine->error_arg().empty() ? std::string::npos : expression.find(engine->error_arg());
    throw PatternError{engine->error(), at == std::string::npos ? 0 : at};
  }
  engine_ = std::move(engine);
}

bool Pattern::found_in(std::string_view text) const {
  return engine_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

std::optional<std::string_view> Pattern::group_in(std::string_view text) const {
  re2::StringPiece found[2];
  if (groups() < 1 || !engine_->Match(piece(text), 0, text.size(), re2::RE2::UNANCHORED, found, 2) || !found[1].data()) return std::nullopt;
  return std::string_view(found[1].data(), found[1].size());
}

int Pattern::groups() const { return engine_->NumberOfCapturingGroups(); }

}  // namespace fdr
