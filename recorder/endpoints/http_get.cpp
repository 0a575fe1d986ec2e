#include "recorder/endpoints/http_get.hpp"

#include <fmt/format.h>
#include <poll.h>


#include "recorder/endpoints/connect_probe.hpp"
#include "recorder/system/proc_text.hpp"
#include "triggers/quantity.hpp"

namespace fdr {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kHeader = 16u << 10;
constexpr int kLookMs = 100;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

// RFC 9112, 7.1: "SIZE[;extension]\r\n" DATA "\r\n" ..., until one of size 0.
std::optional<std::string> unchunked(std::string_view rest) {
  std::string body;
  for (;;) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view line = trimmed(rest.substr(0, end));
    const std::string_view digits = trimmed(line.substr(0, line.find(';')));
    std::size_t size = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size, 16);
    if (error != std::errc{} || stop != digits.data() + digits.size()) return std::nullopt;
    rest.remove_prefix(end + 1);
    if (size == 0) return body;
    if (size > rest.size()) return std::nullopt;
    body += rest.substr(0, size);
    rest.remove_prefix(size);
    if (rest.starts_with('\r')) rest.remove_prefix(1);
    if (!rest.starts_with('\n')) return std::nullopt;
    rest.remove_prefix(1);
  }
}

}  // namespace

std::optional<std::string> http_body(std::string_view answer, bool closed) {
  std::optional<std::size_t> length;
  bool chunked = false;
  take_line(answer);  // the status
  for (;;) {
    if (answer.find('\n') == std::string_view::npos) return std::nullopt;
    const std::string_view line = trimmed(take_line(answer));
    if (line.empty()) break;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string name = lower(line.substr(0, colon));
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (name == "content-length") length = parse_number<std::size_t>(value);
    if (name == "transfer-encoding") chunked = lower(value) == "chunked";
  }
  if (chunked) return unchunked(answer);
  if (length) return answer.size() >= *length ? std::optional(std::string(answer.substr(0, *length))) : std::nullopt;
  return closed ? std::optional(std::string(answer)) : std::nullopt;
}

HttpPage http_get(const HttpUrl& url, Duration timeout, std::uint64_t max_bytes, int cancel) {
  const std::size_t keep = static_cast<std::size_t>(max_bytes) + kHeader;
  ConnectProbe probe(url.address, http_request(url), keep);
  const Timestamp begin = MonotonicClock::now();
  probe.start(begin, timeout);
  while (probe.active()) {
    pollfd watched[] = {{probe.descriptor(), probe.events(), 0}, {cancel, POLLIN, 0}};
    ::poll(watched, std::size(watched), kLookMs);
    if (watched[1].revents) return {std::nullopt, "ended with the recorder"};
    probe.advance(MonotonicClock::now());
  }
  const bool late = MonotonicClock::now() - begin >= timeout;
  const std::string& answer = probe.answer();
  if (answer.empty()) return {std::nullopt, late ? "no answer within " + duration_literal(timeout) : "it refuses, or hangs up without an answer"};
  const int status = http_status(answer).value_or(0);
  if (status == 0) return {std::nullopt, "what answers does not speak HTTP"};
  if (status < 200 || status > 299) return {std::nullopt, fmt::format("answered with status {}", status)};
  if (answer.size() >= keep) return {std::nullopt, "the answer is longer than " + size_literal(max_bytes)};
  auto body = http_body(answer, !late);
  if (!body) return {std::nullopt, late ? "not all of the answer came within " + duration_literal(timeout) : "the answer ends too early"};
  return {std::move(body), ""};
}

}  // namespace fdr
