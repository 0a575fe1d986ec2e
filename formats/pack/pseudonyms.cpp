#include "formats/pack/pseudonyms.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstring>
#include <optional>

#include "formats/sha256.hpp"

namespace fdr {
namespace {

constexpr std::size_t kBlock = 64;  // of SHA-256, in bytes

std::string from_hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

constexpr std::array<std::string_view, 48> kPublicParts = {
    "",      ".",      "..",     "usr",   "lib",   "lib32",  "lib64",  "libexec", "bin",  "sbin", "proc",   "sys",     "dev",  "etc",  "var",    "tmp",
    "run",   "lock",   "opt",    "home",  "root",  "srv",    "mnt",    "media",   "boot", "log",  "spool",  "cache",   "self", "task", "fd",     "fdinfo",
    "net",   "cpu",    "kernel", "class", "block", "devices", "system", "shm",    "null", "zero", "random", "urandom", "pts",  "tty",  "share",  "x86_64-linux-gnu"};

constexpr std::array<std::string_view, 40> kSystemLibraries = {
    "libc.so",      "libm.so",      "libpthread.so", "libdl.so",     "librt.so",     "libresolv.so", "libutil.so",   "libnsl.so",    "ld-linux-x86-64.so", "ld-musl",
    "libstdc++.so", "libgcc_s.so",  "libgomp.so",    "libatomic.so", "libssl.so",    "libcrypto.so", "libz.so",      "libzstd.so",   "liblzma.so",         "libbz2.so",
    "liblz4.so",    "libuv.so",     "libevent",      "libev.so",     "libjemalloc.so", "libtcmalloc", "libpcre",     "libsystemd.so", "libnuma.so",        "libcap.so",
    "libselinux.so", "libglib-2.0.so", "libffi.so",  "libexpat.so",  "libcurl.so",   "libsqlite3.so", "libnghttp2.so", "libicu",    "libpython3.",        "libc++.so"};

template <class List>
bool holds(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.size() <= 10 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_mac(std::string_view text) {
  if (text.size() != 17) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i % 3 == 2 ? text[i] != ':' : !std::isxdigit(static_cast<unsigned char>(text[i]))) return false;
  return true;
}

struct Endpoint {
  std::string address, port;  // of figures; the port with its colon, or empty
  int family = AF_INET;
  bool brackets = false;
};

std::optional<int> family_of(const std::string& text) {
  in6_addr bytes{};
  if (::inet_pton(AF_INET, text.c_str(), &bytes) == 1) return AF_INET;
  if (::inet_pton(AF_INET6, text.c_str(), &bytes) == 1) return AF_INET6;
  return std::nullopt;
}

std::optional<Endpoint> parse(std::string_view text) {
  if (text.size() > 64) return std::nullopt;
  Endpoint end;
  std::string address(text);
  if (const auto family = family_of(address)) return Endpoint{address, "", *family, false};
  const std::size_t colon = address.rfind(':');
  if (colon != std::string::npos && (all_digits(std::string_view(address).substr(colon + 1)) || address.substr(colon + 1) == "*")) {
    end.port = address.substr(colon);
    address.resize(colon);
  }
  if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
    end.brackets = true;
    address = address.substr(1, address.size() - 2);
  }
  const auto family = family_of(address);
  if (!family) return std::nullopt;
  end.address = address;
  end.family = *family;
  return end;
}

bool is_public_address(const Endpoint& end) {
  return end.address == "0.0.0.0" || end.address == "::" || end.address == "::1" || (end.family == AF_INET && end.address.starts_with("127."));
}

}  // namespace

const char* name_class(NameClass name) {
  constexpr const char* kNames[] = {"host", "thread", "label", "path", "arg", "fn", "address", "build", "text", "metric", "custom"};
  return kNames[static_cast<int>(name)];
}

std::string hmac_sha256_hex(std::string_view key, std::string_view text) {
  std::string block = key.size() > kBlock ? from_hex(sha256_hex(key)) : std::string(key);
  block.resize(kBlock, '\0');
  std::string inner = block, outer = block;
  for (char& c : inner) c = static_cast<char>(c ^ 0x36);
  for (char& c : outer) c = static_cast<char>(c ^ 0x5c);
  return sha256_hex(outer + from_hex(sha256_hex(inner + std::string(text))));
}

bool is_system_library(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos || path.find("/../") != std::string_view::npos) return false;
  const bool placed = path.starts_with("/lib/") || path.starts_with("/lib64/") || path.starts_with("/usr/lib/") || path.starts_with("/usr/lib64/");
  const std::string_view file = path.substr(slash + 1);
  return placed && std::any_of(kSystemLibraries.begin(), kSystemLibraries.end(), [&](std::string_view known) { return file.starts_with(known); });
}

std::size_t Pseudonyms::replaced_count() const {
  std::size_t count = 0;
  for (const auto& [name, originals] : replaced_) count += originals.size();
  return count;
}

std::string Pseudonyms::keep(std::string_view text) {
  kept_.emplace(text);
  return std::string(text);
}

std::string Pseudonyms::remember(NameClass name, std::string_view original, std::string pseudonym) {
  replaced_[name].emplace(original, pseudonym);
  return pseudonym;
}

std::string Pseudonyms::token(NameClass name, std::string_view original) {
  if (original.empty()) return {};
  auto& known = replaced_[name];
  if (const auto at = known.find(std::string(original)); at != known.end()) return at->second;
  const std::string whose = std::string(name_class(name)) + '\0' + std::string(original);
  const std::string sum = hmac_sha256_hex(key_, whose);
  // Two names with the same eight digits: the later one gets more of them.
  std::string pseudonym;
  for (std::size_t digits = 8; digits <= sum.size(); digits += 8) {
    pseudonym = std::string(name_class(name)) + "-" + sum.substr(0, digits);
    const auto [at, fresh] = originals_.try_emplace(pseudonym, whose);
    if (fresh || at->second == whose) break;
  }
  return remember(name, original, std::move(pseudonym));
}

std::string Pseudonyms::part(std::string_view part) {
  return holds(kPublicParts, part) ? keep(part) : token(NameClass::kPath, part);
}

std::string Pseudonyms::path(std::string_view path) {
  constexpr std::array<std::string_view, 7> kWords = {"[heap]", "[stack]", "[vdso]", "[vvar]", "[vsyscall]", "[kernel]", "[anon]"};
  if (path.empty() || holds(kWords, path)) return keep(path);
  for (const std::string_view kind : {"[anon ", "[unmapped "})
    if (path.starts_with(kind) && path.ends_with(']') && all_digits(path.substr(kind.size(), path.size() - kind.size() - 1))) return keep(path);
  std::string result;
  std::string_view before;
  const bool library = is_system_library(path);
  for (bool first = true;; first = false) {
    const std::size_t slash = path.find('/');
    const std::string_view one = path.substr(0, slash);
    const bool last = slash == std::string_view::npos;
    const bool number = all_digits(one) && (before == "proc" || before == "task" || before == "fd" || before == "fdinfo");
    if (!first) result += '/';
    result += (library && last) || number ? keep(one) : part(one);
    if (last) return result;
    before = one;
    path.remove_prefix(slash + 1);
  }
}

std::string Pseudonyms::build_id(std::string_view id) {
  if (id.empty()) return {};
  std::string sum = hmac_sha256_hex(key_, std::string("build") + '\0' + std::string(id));
  sum.resize(std::min(sum.size(), std::max<std::size_t>(id.size(), 16)));
  return remember(NameClass::kBuild, id, sum);
}

bool Pseudonyms::is_endpoint(std::string_view text) { return is_mac(text) || parse(text).has_value(); }

std::string Pseudonyms::endpoint(std::string_view text) {
  if (text.empty()) return {};
  if (is_mac(text)) {
    const std::string sum = hmac_sha256_hex(key_, std::string("mac") + '\0' + std::string(text));
    std::string mac = "02";  // locally administered
    for (std::size_t i = 0; i < 5; ++i) mac.append(1, ':').append(sum, 2 * i, 2);
    return remember(NameClass::kAddress, text, mac);
  }
  const auto end = parse(text);
  if (!end) return token(NameClass::kAddress, text);
  if (is_public_address(*end)) return keep(text);
  const std::string bytes = from_hex(hmac_sha256_hex(key_, std::string("address") + '\0' + end->address));
  in6_addr address{};
  std::memcpy(&address, bytes.data(), sizeof address);
  auto* octets = reinterpret_cast<std::uint8_t*>(&address);
  char shown[INET6_ADDRSTRLEN] = "";
  if (end->family == AF_INET) {
    octets[0] = static_cast<std::uint8_t>(240 | (octets[0] & 7));  // 240.0.0.0/5: nobody has these
  } else {
    octets[0] = 0xfd;  // unique local
  }
  ::inet_ntop(end->family, &address, shown, sizeof shown);
  remember(NameClass::kAddress, end->address, shown);
  std::string result(end->brackets ? "[" : "");
  result.append(shown).append(end->brackets ? "]" : "").append(end->port);
  return result;
}

}  // namespace fdr
