#include "formats/html/page.hpp"

#include <cstdint>

#include "formats/error.hpp"
#include "formats/html/assets.hpp"
#include "formats/html/page_data.hpp"
#include "formats/sha256.hpp"

namespace fdr {
namespace {

std::uint8_t nibble(char c) { return static_cast<std::uint8_t>(c <= '9' ? c - '0' : c - 'a' + 10); }

// Base64 (RFC 4648) of a digest given in hex, as a policy names scripts (CSP Level 3, 2.3.1).
std::string base64_of_hex(std::string_view hex) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 6) {
    std::uint32_t bits = 0;
    std::size_t bytes = 0;
    for (; bytes < 3 && i + 2 * bytes < hex.size(); ++bytes)
      bits |= static_cast<std::uint32_t>(nibble(hex[i + 2 * bytes]) << 4 | nibble(hex[i + 2 * bytes + 1])) << (16 - 8 * bytes);
    for (std::size_t digit = 0; digit < 4; ++digit)
      out += digit <= bytes ? digits[bits >> (18 - 6 * digit) & 63] : '=';
  }
  return out;
}

std::string hash_source(std::string_view text) { return " 'sha256-" + base64_of_hex(sha256_hex(text)) + "'"; }

// Each mark stands once in page.html; a lost one is our own bug.
void fill(std::string& page, std::string_view mark, std::string_view text) {
  const std::size_t at = page.find(mark);
  FDR_CHECK(at != std::string::npos);
  page.replace(at, mark.size(), text);
}

}  // namespace

std::string report_html(const Bundle& bundle, const FrameNames& names, std::string_view onset) {
  const std::string style = assets::style(), charts = assets::charts(), script = assets::script();
  const std::string data = script_json(page_data(bundle, names, onset));
  std::string page(assets::page());
  // The data last: a mark in it is not ours.
  fill(page, "@SCRIPT_HASHES@", hash_source(charts) + hash_source(script));
  fill(page, "@STYLE_HASHES@", hash_source(style));
  fill(page, "@STYLE@", style);
  fill(page, "@CHARTS@", charts);
  fill(page, "@SCRIPT@", script);
  fill(page, "@DATA@", data);
  return page;
}

}  // namespace fdr
