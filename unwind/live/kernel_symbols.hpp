// /proc/kallsyms, read at dump time: kernel addresses to names. "[kernel]+0xADDR" where there is none or the addresses are hidden.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fdr {

class KernelSymbols {
 public:
  static KernelSymbols load(const std::string& path = "/proc/kallsyms");  // empty where it cannot be read
  static KernelSymbols parse(std::string_view text);                     // text symbols only (t, T, w, W)
  // "tcp_sendmsg" or "ext4_readdir [ext4]"; empty where unknown.
  std::string name(std::uint64_t address) const;
  std::size_t size() const { return symbols_.size(); }
  bool hidden() const { return hidden_; }  // all addresses were zero (kptr_restrict)

 private:
  struct Symbol { std::uint64_t address; std::uint32_t name; std::uint32_t length; };
  std::string names_;
  std::vector<Symbol> symbols_;
  bool hidden_ = false;
};

}  // namespace fdr
