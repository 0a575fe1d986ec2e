// C++ and Rust (legacy and v0) names for people. A name that cannot be demangled comes back unchanged.
#pragma once

#include <string>

namespace fdr {

std::string demangle(const std::string& mangled);

}  // namespace fdr
