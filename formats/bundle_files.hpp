// Files inside one bundle directory, reached from its descriptor only: every step is openat() with O_NOFOLLOW, so that
// neither a link in a bundle nor one put there while it is written leads outside. Shared by the writer and the reader.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/file_descriptor.hpp"


namespace fdr {

// "system/at/meminfo" -> its parts; nothing unless each is of [A-Za-z0-9._-]{1,64}, not "." or "..", and there are at
// most eight.
std::optional<std::vector<std::string>> safe_path_parts(std::string_view path);

// A regular file below `directory_fd`, at most `max_bytes` of it. Nothing where it is absent, a link, no regular file
// or too long
// (`problem` then says which); `truncate` cuts the too long instead.
std::optional<std::string> read_regular_file(int directory_fd, std::string_view path, std::size_t max_bytes,
                                             bool truncate, std::string& problem);

}  // namespace fdr
