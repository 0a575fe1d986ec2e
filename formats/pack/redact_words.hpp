// The rules for strings that are partly fdr's own words: metrics, conditions, rules' names, figures, subjects of calls, lines of socket
// lists. What is not recognised is replaced as a whole. One thread; pure.
#pragma once

#include <regex.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/pack/pseudonyms.hpp"

namespace fdr {

// "80", "1.5GB", "400ms", "30%"
bool is_quantity(std::string_view word);

class RedactWords {
 public:
  // Throws Error for a pattern that is none.
  RedactWords(std::function<bool(std::string_view)> is_metric, const std::vector<std::string>& patterns, Pseudonyms& names);

  bool unwanted(std::string_view text) const;                    // a pattern of the user's matches it
  std::string keep(std::string_view text, NameClass otherwise);  // unless it is unwanted
  std::string metric(std::string_view name);                     // "process[haproxy].rss" -> "process[label-1a2b3c4d].rss"
  std::string condition(std::string_view when);
  std::string rule_name(std::string_view name);
  std::string figure(std::string_view text);                     // "101.8 %", else nothing
  std::string subject(std::string_view subject);                 // of a slow or failed call
  std::string sockets(std::string_view lines);
  std::string part_name(std::string_view name);                  // a file or folder of a bundle's own layout

 private:
  struct FreeRegex {
    void operator()(regex_t* regex) const;
  };
  std::function<bool(std::string_view)> is_metric_;
  std::vector<std::unique_ptr<regex_t, FreeRegex>> patterns_;
  Pseudonyms& names_;
};

}  // namespace fdr
