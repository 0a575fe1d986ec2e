#include "formats/pack/verify.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "formats/bundle_files.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/file_tree.hpp"
#include "formats/json_text.hpp"
#include "formats/sha256.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 30;
constexpr std::size_t kMaxProblems = 20;

void fail(Check& check, std::string problem) {
  check.ok = false;
  if (check.problems.size() < kMaxProblems) check.problems.push_back(printable(problem));
}

Check check_files(const std::string& directory, const Manifest& manifest, Verification& all) {
  Check check{"files", true, {}, {}};
  const FileDescriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) throw system_error("open " + printable(directory), errno);
  for (const auto& [path, sum] : manifest.files) {
    std::string problem;
    const auto bytes = read_regular_file(fd.get(), path, kMaxFileBytes, false, problem);
    if (!bytes) {
      fail(check, problem);
      continue;
    }
    ++all.files;
    all.bytes += bytes->size();
    if (sha256_hex(*bytes) != sum) fail(check, path + ": not the checksum of the manifest");
  }
  check.text = fmt::format("{} files, {}, against their checksums", all.files, bytes_text(static_cast<double>(all.bytes)));
  return check;
}

Check check_nothing_else(const std::string& directory, const Manifest& manifest) {
  Check check{"manifest", true, "nothing there that it does not name", {}};
  const FileTree tree = list_bundle_files(directory);
  for (const std::string& problem : tree.problems) fail(check, problem);
  for (const FileTree::File& file : tree.files)
    if (file.path != "manifest.json" && !manifest.files.contains(file.path)) fail(check, file.path + ": the manifest does not name it");
  return check;
}

// What the reader said of one part, and of the rest together.
Check check_part(const Bundle& bundle, const std::string& name, const std::string& file, std::string text) {
  Check check{name, true, std::move(text), {}};
  for (const std::string& problem : bundle.problems)
    if (problem.starts_with(file + ":")) fail(check, problem);
  return check;
}

}  // namespace

bool Verification::ok() const {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
}

Verification verify_bundle(const std::string& directory) {
  const Bundle bundle = read_bundle(directory);
  Verification all;
  all.format = bundle.manifest.format;
  all.fdr_version = printable(bundle.manifest.fdr_version);
  Check format{"format", true, fmt::format("format {}, written by fdr {}", all.format, all.fdr_version), {}};
  if (bundle.partial) fail(format, "the recorder did not finish this bundle");
  all.checks.push_back(std::move(format));
  all.checks.push_back(check_files(bundle.path, bundle.manifest, all));
  all.checks.push_back(check_nothing_else(bundle.path, bundle.manifest));
  const Timeline& timeline = bundle.timeline;
  all.checks.push_back(check_part(bundle, "trace", "trace.pftrace",
                                  fmt::format("read to its end: {} samples, {} calls, {} metrics", timeline.samples.size(),
                                              timeline.syscalls.size(), timeline.metrics.size())));
  all.checks.push_back(check_part(bundle, "modules", "modules.json", fmt::format("{} modules", bundle.modules.size())));
  all.grade = grade_of(bundle);
  return all;
}

std::string verification_text(const Verification& verification) {
  std::string text;
  for (const Check& check : verification.checks) {
    text += fmt::format("{:<7} {}: {}\n", check.ok ? "ok" : "FAILED", check.name, check.text);
    for (const std::string& problem : check.problems) text += "        " + problem + "\n";
  }
  text += "grade   " + verification.grade.word + "\n";
  for (const std::string& reason : verification.grade.reasons) text += "        " + reason + "\n";
  return text;
}

std::string verification_json(const Verification& verification) {
  const auto list = [](const std::vector<std::string>& texts) {
    Json json = Json::array();
    for (const std::string& text : texts) json.push_back(valid_utf8(text));
    return json;
  };
  Json json = {{"ok", verification.ok()},       {"format", verification.format}, {"fdr", valid_utf8(verification.fdr_version)},
               {"files", verification.files}, {"bytes", verification.bytes}};
  json["checks"] = Json::array();
  for (const Check& check : verification.checks)
    json["checks"].push_back(
        {{"name", check.name}, {"ok", check.ok}, {"text", valid_utf8(check.text)}, {"problems", list(check.problems)}});
  json["grade"] = {{"word", verification.grade.word}, {"reasons", list(verification.grade.reasons)}};
  return dump_json(json);
}

}  // namespace fdr
