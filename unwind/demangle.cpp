#include "unwind/demangle.hpp"

#include <cxxabi.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string_view>

#include "unwind/rust_names.hpp"

namespace fdr {

namespace {

constexpr std::size_t kMaxLength = 4096;
constexpr std::uint64_t kMaxText = 1u << 28;

// A bound of how long the text of a C++ name may become. Each substitution ("S1_", "T_") that is referred to n times is
// printed at most 1 + n times for each time that what refers to it is printed: a hostile name of 200 letters can mean
// terabytes, and __cxa_demangle would write them. Of 39 000 real names (LLVM, node, fmt, JSON) this refuses three.
bool could_explode(std::string_view mangled) {
  std::map<std::string_view, std::uint64_t> references;
  std::uint64_t longest = 1, number = 0;
  for (std::size_t i = 0; i < mangled.size(); ++i) {
    const char letter = mangled[i];
    number = letter >= '0' && letter <= '9'
                 ? std::min<std::uint64_t>(number * 10 + static_cast<std::uint64_t>(letter - '0'), kMaxLength)
                 : 0;
    longest = std::max(longest, number);  // an identifier is preceded by its length
    if (letter != 'S' && letter != 'T') continue;
    const std::size_t end = mangled.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", i + 1);
    if (end != std::string_view::npos && mangled[end] == '_') ++references[mangled.substr(i, end - i)];
  }
  std::uint64_t text = longest;
  for (const auto& [name, count] : references)
    if ((text *= 1 + count) > kMaxText) return true;
  return false;
}

}  // namespace

std::string demangle(const std::string& mangled) {
  if (mangled.size() > kMaxLength || mangled.size() < 3 || mangled[0] != '_') return mangled;
  if (mangled[1] == 'R') return demangle_rust_v0(mangled).value_or(mangled);
  if (mangled[1] != 'Z') return mangled;
  if (auto name = demangle_rust_legacy(mangled)) return *name;
  if (could_explode(mangled)) return mangled;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status),
                                                    std::free);
  return status == 0 && name ? std::string(name.get()) : mangled;
}

}  // namespace fdr
