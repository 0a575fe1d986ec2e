#include "formats/html/assets.hpp"

#include "page_assets.inc"

namespace fdr::assets {
namespace {

template <std::size_t size>
std::string_view text_of(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size - 1};  // embed.cmake ends each with a zero
}

}  // namespace

std::string_view page() { return text_of(kPageHtml); }

std::string style() { return std::string(text_of(kChartsCss)).append(text_of(kPageCss)); }

std::string charts() {
  return "/*!\n" + std::string(text_of(kChartsLicence)) + "*/\n" + std::string(text_of(kChartsScript));
}

std::string script() { return std::string(text_of(kPageScript)); }

}  // namespace fdr::assets
