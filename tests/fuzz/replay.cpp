// Runs every fuzz target over its corpus, and over each of its files cut in half: what the fuzzer found once stays found. A directory that
// is missing or empty is a failure, as is a file too large for a corpus; `replay CORPUS TARGET FILE...` runs one target over given files.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/targets.hpp"

namespace {

namespace fs = std::filesystem;
using fdr::fuzz::Target;

constexpr std::size_t kMaxFileBytes = 4096, kMaxFiles = 120;

std::vector<std::uint8_t> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void run(const Target& target, const std::vector<std::uint8_t>& bytes) {
  target.run(bytes);
  target.run(fdr::fuzz::Bytes(bytes).first(bytes.size() / 2));
}

bool replay(const Target& target, const fs::path& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& path : files) {
    const auto bytes = read(path);
    if (bytes.size() > kMaxFileBytes) return std::printf("%s: %zu bytes, at most %zu\n", path.c_str(), bytes.size(), kMaxFileBytes), false;
    run(target, bytes);
  }
  std::printf("%.*s: %zu files\n", static_cast<int>(target.name.size()), target.name.data(), files.size());
  return !files.empty() && files.size() <= kMaxFiles;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::printf("usage: replay CORPUS [TARGET FILE...]\n"), 2;
  bool good = true, known = argc < 3;
  for (const Target& target : fdr::fuzz::kTargets) {
    if (argc < 3) {
      good &= replay(target, fs::path(argv[1]) / target.name);
    } else if (target.name == argv[2]) {
      known = true;
      for (int i = 3; i < argc; ++i) run(target, read(argv[i]));
    }
  }
  return good && known ? 0 : 1;
}
