#include "unwind/demangle.hpp"

#include <cxxabi.h>

#include <cstdlib>
#include <memory>

#include "unwind/rust_names.hpp"

namespace fdr {

namespace {

// A name's text may be exponentially longer than the name: a doubling takes a substitution ("S1_"), so their number is the guard.
constexpr std::size_t kMaxLength = 4096, kSafeLength = 160, kMaxSubstitutions = 400;

bool could_explode(const std::string& mangled) {
  if (mangled.size() <= kSafeLength) return false;
  std::size_t substitutions = 0;
  for (const char letter : mangled) substitutions += letter == 'S' || letter == 'T';
  return substitutions > kMaxSubstitutions;
}

}  // namespace

std::string demangle(const std::string& mangled) {
  if (mangled.size() > kMaxLength || mangled.size() < 3 || mangled[0] != '_') return mangled;
  if (mangled[1] == 'R') return demangle_rust_v0(mangled).value_or(mangled);
  if (mangled[1] != 'Z') return mangled;
  if (auto name = demangle_rust_legacy(mangled)) return *name;
  if (could_explode(mangled)) return mangled;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 && name ? std::string(name.get()) : mangled;
}

}  // namespace fdr
