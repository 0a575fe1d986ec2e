// What makes the same fault recognisable elsewhere: the ids of the findings that speak for something, and the functions of the stack
// that was met most, as they are called whatever the build: without offsets, addresses, arguments, template arguments, clones and
// hashes; a frame without a name is its module's file. No figures, no paths, no names of hosts. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "formats/bundle_reader.hpp"

namespace fdr {

class View;
struct Finding;

struct Signature {
  std::vector<std::string> findings;  // sorted
  std::vector<std::string> stack;     // innermost first, at most eight; recursion counts once
  std::string id() const;             // 16 hexadecimal digits of both
  std::string text() const;           // "ID spin,user-cpu score<mix<main"
};

Signature signature_of(const Bundle& bundle, const FrameNames& names);
// Of a whole recording, where it has been judged already.
Signature signature_of(const View& view, const std::vector<Finding>& findings);

// "ns::f<int>(char const*) [clone .isra.0]" -> "ns::f".
std::string normal_function(std::string_view function);

}  // namespace fdr
