// Errors that end an operation, and checks of our own invariants.
//
// Three kinds of trouble, three ways: damage in data is a *value* with a reason and a counter; an operation that
// failed throws Error with a remedy where there is one; our own bug is FDR_CHECK, on in release builds too.
// Error is caught in main, in the dumper (counted, recording goes on) and per module while reading.
#pragma once

#include <stdexcept>
#include <string>

namespace fdr {

// `what` says what failed and why, `hint` the exact remedy (a command, a setting) or nothing.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what, std::string hint = {}) : std::runtime_error(what), hint_(std::move(hint)) {}
  const std::string& hint() const noexcept { return hint_; }

 private:
  std::string hint_;
};

// An Error that carries errno's text: "open /x: Permission denied".
Error system_error(const std::string& what, int error_number, std::string hint = {});

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace fdr

#define FDR_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::fdr::check_failed(#expression, __FILE__, __LINE__))
