// Names that stand for names: HMAC-SHA256 with a private key, so the same name has the same pseudonym wherever the key is the same, and
// without it none can be guessed from a list. Shapes that a reader needs survive: an address is an address, a path has as many parts, and
// well-known parts (usr, lib, proc, ...) and system libraries stay. What was replaced is remembered for the private map and for the search
// of what was written. A pseudonym never stands for two names of a class. Bytes of names may be anything. One thread.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>

namespace fdr {

enum class NameClass { kHost, kThread, kLabel, kPath, kArgument, kFunction, kAddress, kBuild, kText, kMetric, kPattern };
const char* name_class(NameClass name);

// RFC 2104 with SHA-256; lower-case hex.
std::string hmac_sha256_hex(std::string_view key, std::string_view text);

class Pseudonyms {
 public:
  explicit Pseudonyms(std::string key) : key_(std::move(key)) {}

  std::string token(NameClass name, std::string_view original);  // "host-1a2b3c4d"; an empty name stays empty
  std::string path(std::string_view path);                       // each part by itself; "[heap]" and the like stay
  std::string build_id(std::string_view build_id);               // hex of the same length
  // "10.1.2.3:80", "[fe80::1]:80", a bare address, a MAC: of the same kind; loopback and the unspecified stay. Anything else: a token.
  std::string endpoint(std::string_view endpoint);
  static bool is_endpoint(std::string_view text);

  // What stays as it is, so that the search does not take it for a leak.
  std::string keep(std::string_view text);

  const std::map<NameClass, std::map<std::string, std::string>>& replaced() const { return replaced_; }  // original -> pseudonym
  std::size_t replaced_count() const;
  const std::set<std::string>& kept() const { return kept_; }

 private:
  std::string remember(NameClass name, std::string_view original, std::string pseudonym);
  std::string part(std::string_view part);

  std::string key_;
  std::map<NameClass, std::map<std::string, std::string>> replaced_;
  std::map<std::string, std::string> originals_;  // pseudonym -> class and original
  std::set<std::string> kept_;
};

// Whether a path is one of a library that a distribution ships: its symbols and its path tell nothing of who recorded it.
bool is_system_library(std::string_view path);

}  // namespace fdr
