// How much room a text takes in the page: page_data.cpp writes some characters as \uXXXX, and a bundle made to fill a disk holds
// nothing else. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace fdr {

inline std::size_t embedded_size(std::string_view text) {
  std::size_t size = text.size();
  for (const char character : text)
    if (character == '<' || character == '>' || character == '&') size += 5;
  return size;
}

}  // namespace fdr
