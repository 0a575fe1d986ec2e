// Rust's two manglings. Names come from files that may be hostile: nesting, length and work are bounded, and what does
// not follow the grammar to its end is no Rust name. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fdr {

// "_ZN4core3fmt5write17h0123456789abcdefE": looks like C++, but ends in a hash, which is dropped: "core::fmt::write".
std::optional<std::string> demangle_rust_legacy(std::string_view mangled);

// "_RNvCs1234_7mycrate3foo": "mycrate::foo" (RFC 2603). Hashes of crates and types of constants are left out.
std::optional<std::string> demangle_rust_v0(std::string_view mangled);

}  // namespace fdr
