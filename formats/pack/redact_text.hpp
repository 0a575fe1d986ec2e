// Free text (kernel log, logs, what collectors said) without the names that are known and without what looks like one: for
// `fdr pack --redact --with-text`, where somebody has allowed text to leave.
//
// Replaced are: every name that the rest of the bundle had replaced (as a word; inside of words too where it cannot be a word of prose),
// addresses, paths, domains and mail addresses, words of letters and digits mixed, long ones, those that are not ASCII, what follows a word
// such as `user` or `password`; a line that one of the user's patterns matches goes as a whole. Plain words and figures stay: a name
// that is a plain word and was nowhere else in the bundle stays too. The names are those known when this is made. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/pack/pseudonyms.hpp"
#include "formats/pack/redact_words.hpp"

namespace fdr {

class TextScrubber {
 public:
  TextScrubber(Pseudonyms& names, const RedactWords& words);

  std::string text(std::string_view text);
  std::string log_lines(std::string_view ndjson);  // logs.ndjson: its fields keep their kinds; a line that cannot be read does not leave

 private:
  struct Known {
    std::string original, pseudonym;
  };
  std::string line(std::string_view line);
  std::string unknown(std::string_view text);  // in which no known name was found inside of words
  std::string chunk(std::string_view chunk);   // without spaces and quotes
  std::string word(std::string_view word);
  const Known* known_at(std::string_view text) const;

  Pseudonyms& names_;
  const RedactWords& words_;
  std::unordered_map<std::string, std::string> by_word_;
  std::unordered_map<std::uint32_t, std::vector<Known>> by_start_;  // first four bytes; longest first
  bool secret_next_ = false;
};

}  // namespace fdr
