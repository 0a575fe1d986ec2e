#include "triggers/quantity.hpp"

#include <doctest/doctest.h>

#include <cmath>

using namespace fdr;
using namespace std::chrono_literals;

TEST_CASE("durations need a unit") {
  CHECK(parse_duration("60s") == 60s);
  CHECK(parse_duration("100ms") == 100ms);
  CHECK(parse_duration("1.5h") == 90min);
  CHECK(parse_duration("2m") == 2min);
  CHECK(parse_duration("10us") == 10us);
  CHECK(parse_duration("7ns") == 7ns);
  for (const char* bad :
       {"", "60", "s", "-1s", "+1s", "1 s", "1sec", "1s ", "64MB", "nan", "infs", "1e400s", "99999999h", "0x10s"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("sizes need a unit and are 1024-based") {
  CHECK(parse_size("64MB") == 64ull << 20);
  CHECK(parse_size("1.5KB") == 1536);
  CHECK(parse_size("2GB") == 2ull << 30);
  CHECK(parse_size("1TB") == 1ull << 40);
  CHECK(parse_size("17B") == 17);
  for (const char* bad : {"", "64", "MB", "-1MB", "64mb", "64MiB", "1e300TB", "5%", "64M"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad));
  }
  CHECK(parse_percent("5%") == 5);
  CHECK_FALSE(parse_percent("5"));
}

TEST_CASE("literals are read back as what they were") {
  for (const Duration duration :
       {Duration{0}, Duration{7}, Duration{1200ms}, Duration{90s}, Duration{1h}, Duration{400ms}, Duration{2500us}}) {
    CHECK(parse_duration(duration_literal(duration)) == duration);
  }
  for (const std::uint64_t size : {0ull, 1ull, 1536ull, 64ull << 20, 3ull << 40, (1ull << 30) + 1}) {
    CHECK(parse_size(size_literal(size)) == size);
  }
  CHECK(duration_literal(1200ms) == "1200ms");
  CHECK(size_literal(64ull << 20) == "64MB");
}

TEST_CASE("quantities for people") {
  CHECK(quantity_text(41.23, Unit::kPercent) == "41.2 %");
  CHECK(quantity_text(1.2, Unit::kSeconds) == "1.20 s");
  CHECK(quantity_text(17, Unit::kNone) == "17");
  CHECK(quantity_text(1000, Unit::kNone, true) == "1000/s");
  CHECK(quantity_text(NAN, Unit::kBytes) == "unknown");
  CHECK(quantity_text(1e300, Unit::kSeconds).find("e+300") != std::string::npos);  // not undefined behaviour
  CHECK(quantity_text(-312.0 * 1024 * 1024, Unit::kBytes) == "-312 MB");
}
