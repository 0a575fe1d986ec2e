// SHA-256 as FIPS 180-4 gives it (section 6.2), for the checksums in manifest.json. Streaming; no errors. A checksum
// against damage, not a signature. Own code because nothing else here needs a crypto library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fdr {

class Sha256 {
 public:
  void update(std::string_view bytes);
  // Lower-case hex of everything so far. Ends this object's use.
  std::string hex();

 private:
  void block(const std::uint8_t* bytes);

  // The first 32 bits of the fractional parts of the square roots of the first eight primes (5.3.3).
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

std::string sha256_hex(std::string_view bytes);

}  // namespace fdr
