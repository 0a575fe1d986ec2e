// Malformed configurations: each is refused in one line that names the place, line and column.
#include <doctest/doctest.h>

#include <string>

#include "formats/error.hpp"
#include "recorder/config_file/config_file.hpp"

using namespace fdr;

namespace {

struct Malformed {
  const char* place;  // "LINE:COLUMN"
  const char* says;   // a part of the message
  const char* text;
};

#define RULE "[[trigger]]\nname = \"x\"\n"

constexpr Malformed kMalformed[] = {
    {"1:1", "unknown key 'windos'", "windos = 1"},
    {"2:1", "unknown key 'spam' in window", "[window]\nspam = \"60s\""},
    {"1:12", "unknown key 'spam'", "window = { spam = \"60s\" }"},
    {"1:10", "'window' must be a table", "window = 3"},
    {"1:19", "a duration with a unit", "window = { span = 60 }"},
    {"1:19", "not a duration with a unit", "window = { span = \"60\" }"},
    {"1:19", "not a duration with a unit", "window = { span = \"sixty seconds\" }"},
    {"1:19", "between 1s and 1h", "window = { span = \"0s\" }"},
    {"1:20", "between 0", "window = { after = \"1h\" }"},
    {"1:21", "a size with a unit", "window = { memory = 64 }"},
    {"1:21", "not a size", "window = { memory = \"64 megabytes\" }"},
    {"1:21", "between 4MB", "window = { memory = \"1KB\" }"},
    {"1:24", "a whole number", "sample = { frequency = 99.5 }"},
    {"1:24", "between 1 and 1000", "sample = { frequency = -1 }"},
    {"1:23", "'detail' cannot be 'some'", "syscalls = { detail = \"some\" }"},
    {"1:21", "between 10ms and 10s", "metrics = { every = \"1ms\" }"},
    {"1:24", "absolute path", "bundle = { directory = \"here\" }"},
    {"1:19", "between 1 and", "bundle = { keep = 0 }"},
    {"1:24", "a percentage", "bundle = { keep_free = 5 }"},
    {"1:24", "between", "bundle = { keep_free = \"96%\" }"},
    {"1:11", "'on_exit' cannot be", "on_exit = \"sometimes\""},
    {"1:8", "is not a name", "name = \"a b\""},
    {"1:11", "a list of tables", "trigger = { name = \"x\" }"},
    {"1:1", "needs 'when'", "[[trigger]]\nname = \"x\""},
    {"1:1", "needs 'name'", "[[trigger]]\nwhen = \"host.cpu.busy > 1%\""},
    {"3:9", "'#' does not belong here", RULE "when = \"#\""},
    {"3:8", "'when' says nothing", RULE "when = \"\""},
    {"3:9", "unknown metric 'host.cpu.bsy'", RULE "when = \"host.cpu.bsy > 1%\""},
    {"3:25", "is in %", RULE "when = \"host.cpu.busy > 1MB\""},
    {"3:25", "has no unit", RULE "when = \"host.cpu.busy > 1\""},
    {"3:25", "something is missing", RULE "when = \"host.cpu.busy > \""},
    {"3:9", "is a number, not a condition", RULE "when = \"host.cpu.busy\""},
    {"3:28", "is not closed", RULE "when = \"(host.cpu.busy > 1%\""},
    {"3:9", "unknown function 'avrg'", RULE "when = \"avrg(host.cpu.busy, 1s) > 1%\""},
    {"3:26", "needs a duration", RULE "when = \"p99(host.cpu.busy) > 1%\""},
    {"3:25", "never above", RULE "when = \"host.cpu.busy > 101%\""},
    {"3:9", "a counter that only grows", RULE "when = \"host.swap.in > 1MB\""},
    {"4:8", "half of the window", RULE "when = \"host.cpu.busy > 1%\"\nfor = \"30s\""},
    {"4:7", "with a unit", RULE "when = \"host.cpu.busy > 1%\"\nfor = 3"},
    {"4:10", "still holds", RULE "when = \"host.cpu.busy > 1%\"\nclear = \"2%\""},
    {"4:15", "between 1 and", RULE "when = \"host.cpu.busy > 1%\"\nmax_per_day = 0"},
    {"4:15", "unknown metric", RULE "when = \"host.cpu.busy > 1%\"\narmed_when = \"x > 1\""},
    {"5:9", "no target is named 'db'", "[[target]]\nmatch = { comm = \"web\" }\n[[trigger]]\nname = \"x\"\nwhen = \"process[db].rss > 1MB\""},
    {"2:18", "15 bytes", "[[target]]\nmatch = { comm = \"longer-than-15-bytes\" }"},
    {"2:17", "process id", "[[target]]\nmatch = { pid = 0 }"},
    {"1:1", "needs 'every'", "[[heartbeat]]\nname = \"x\""},
    {"1:1", "'command' or 'file'", "[[collect]]\nname = \"x\""},
    {"1:10", "end-of-file", "name = \"x"},
    {"2:8", "cannot redefine", "name = \"x\"\nname = \"y\""},
    {"1:11", "expected key", "window = {\n"},
};

}  // namespace

TEST_CASE("config: each of the malformed is refused in one line with its place") {
  static_assert(std::size(kMalformed) >= 40);
  for (const Malformed& malformed : kMalformed) {
    CAPTURE(malformed.text);
    std::string what;
    try {
      parse_config(malformed.text, "fdr.toml");
    } catch (const Error& error) {
      what = error.what();
    }
    CAPTURE(what);
    CHECK(what.starts_with("fdr.toml:" + std::string(malformed.place) + ": "));
    CHECK(what.find(malformed.says) != std::string::npos);
    CHECK(what.find('\n') == std::string::npos);
  }
}
