#include "recorder/system/patient_read.hpp"

#include <fmt/format.h>

#include <memory>

#include "recorder/system/patience.hpp"
#include "recorder/system/small_file.hpp"

namespace fdr {

std::optional<std::string> read_patiently(std::int32_t pid, const char* name, std::size_t most) {
  const auto text = std::make_shared<std::optional<std::string>>();
  const bool done = patiently(fmt::format("memory of {}", pid), fmt::format("the memory of process {} is locked: its command line and mappings are not read until it lets go", pid),
                              [text, path = fmt::format("/proc/{}/{}", pid, name), most] { *text = read_small_file(path, most); });
  return done ? std::move(*text) : std::nullopt;
}

}  // namespace fdr
