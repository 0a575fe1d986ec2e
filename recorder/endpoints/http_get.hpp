// One page over HTTP, waited for by the calling thread until a deadline at most; and what is the body of an answer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/clock.hpp"
#include "recorder/endpoints/probe_address.hpp"

namespace fdr {

// The body of an answer: by Content-Length, in chunks, or all that came until the other side closed (`closed`). Nothing where it is
// not complete, or damaged. Pure.
std::optional<std::string> http_body(std::string_view answer, bool closed);

struct HttpPage {
  std::optional<std::string> body;
  std::string problem;  // why there is none
};
// `cancel`: a descriptor that is readable when it is to end at once, or -1.
HttpPage http_get(const HttpUrl& url, Duration timeout, std::uint64_t max_bytes, int cancel);

}  // namespace fdr
