// The made-up incident as a directory, for what `fdr show` reads from a bundle's files.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "formats/report/report.hpp"
#include "tests/unit/formats/incident.hpp"

namespace fdr::incident {

struct OnDisk {
  Made made = make();
  std::filesystem::path directory;

  OnDisk() {
    std::string name = (std::filesystem::temp_directory_path() / "fdr-incident-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()));
    directory = name;
    made.bundle.path = directory;
  }
  ~OnDisk() { std::filesystem::remove_all(directory); }
  OnDisk(const OnDisk&) = delete;

  void add(const std::string& file, const std::string& text) {
    std::filesystem::create_directories((directory / file).parent_path());
    std::ofstream(directory / file) << text;
    made.bundle.manifest.files[file] = {};
  }
  nlohmann::json rows(const char* part, const ShowFilter& filter = {}) const { return nlohmann::json::parse(show_json(made.bundle, made.names, part, filter)); }
  std::string text(const char* part) const { return show_text(made.bundle, made.names, part, {}, {100, false}); }
};

// Null where there is none.
inline nlohmann::json row_where(const nlohmann::json& all, const char* key, const nlohmann::json& value) {
  for (const nlohmann::json& row : all)
    if (row.at(key) == value) return row;
  return nullptr;
}

}  // namespace fdr::incident
