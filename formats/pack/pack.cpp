#include "formats/pack/pack.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "formats/bundle_files.hpp"
#include "formats/clock.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/file_tree.hpp"
#include "formats/html/page.hpp"
#include "formats/pack/bundle_path.hpp"
#include "formats/pack/new_file.hpp"
#include "formats/pack/zip_file.hpp"
#include "formats/sha256.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxFileBytes = 1u << 30;
constexpr std::size_t kMaxDocumentBytes = 8u << 20;

FileDescriptor open_directory(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid()) throw system_error("open " + printable(path), errno);
  return fd;
}

std::string readme(const Bundle& bundle, const Signature& signature, const PackNotes& notes) {
  const Manifest& m = bundle.manifest;
  std::string text = fmt::format(R"(What a flight data recorder kept of an incident
===============================================

fired      {} {}
when       {} (UTC)
host       {}, Linux {}, {} CPUs
written    by fdr {}
signature  {}
)",
                                 printable(m.trigger.name), printable(m.trigger.value_text), utc_text(m.trigger.realtime_ns), printable(m.host.name),
                                 printable(m.host.kernel), m.host.cpus, printable(m.fdr_version), signature.id());
  if (!notes.case_id.empty()) text += "case       " + printable(notes.case_id) + "\n";
  if (!notes.note.empty()) text += "note       " + printable(notes.note) + "\n";
  if (notes.redacted)
    text += "\nNames in it are pseudonyms (host-1a2b3c4d): equal names have equal pseudonyms. Ask who sent it for what one stands for.\n";
  text += R"(
Read it without any tool
  report.html                   in a browser, from disk: what fired, findings, flame graphs, tables
  bundle.fdr/trace.pftrace      in https://ui.perfetto.dev: everything that was recorded, on one timeline
  bundle.fdr/summary.txt        one screen of text
  bundle.fdr/manifest.json      what was asked for, what was obtained, what was lost
  vendor.json                   packages, kernel, CPU, network cards: each fact, or why it is not there

Read it with fdr, as it is (FILE.zip is this file)
  fdr verify FILE.zip           whole? how complete?
  fdr report FILE.zip           the answer, on a terminal
  fdr show FILE.zip stacks      one part; also syscalls, slow, failed, stalls, threads, metrics, timeline
  fdr diff BASE.zip FILE.zip    what changed against another one
  fdr export FILE.zip --format folded

signature.txt is the same for the same fault on another host: findings and functions, no figures, no names of hosts.
)";
  if (!notes.left_out.empty()) text += "\nLeft out\n";
  for (const LeftOut& left : notes.left_out) text += "  " + printable(left.path) + ": " + printable(left.why) + "\n";
  return text;
}

}  // namespace

std::string pack_json(const std::map<std::string, std::string>& beside, const Signature& signature, const PackNotes& notes) {
  Json json = {{"format", 1}, {"fdr", FDR_VERSION}, {"case", nullptr}, {"note", nullptr}, {"redacted", notes.redacted}, {"signature", signature.id()}};
  if (!notes.case_id.empty()) json["case"] = valid_utf8(notes.case_id);
  if (!notes.note.empty()) json["note"] = valid_utf8(notes.note);
  json["left_out"] = Json::array();
  for (const LeftOut& left : notes.left_out) json["left_out"].push_back({{"path", valid_utf8(left.path)}, {"why", valid_utf8(left.why)}});
  json["files"] = Json::object();
  for (const auto& [path, contents] : beside) json["files"][path] = {{"sha256", sha256_hex(contents)}};
  return dump_json(json);
}

std::map<std::string, std::string> beside_bundle(const Bundle& bundle, const FrameNames& names, const Json& vendor, const PackNotes& notes) {
  const Signature signature = signature_of(bundle, names);
  std::map<std::string, std::string> beside;
  beside["README.txt"] = readme(bundle, signature, notes);
  beside["report.html"] = report_html(bundle, names);
  beside["vendor.json"] = dump_json(vendor);
  beside["signature.txt"] = signature.text() + "\n";
  beside["pack.json"] = pack_json(beside, signature, notes);
  return beside;
}

std::vector<LeftOut> unnamed_files(const Bundle& bundle) {
  std::vector<LeftOut> left;
  const FileTree tree = list_bundle_files(bundle.path);
  for (const FileTree::File& file : tree.files)
    if (file.path != "manifest.json" && !bundle.manifest.files.contains(file.path)) left.push_back({file.path, "the manifest does not name it"});
  for (const std::string& problem : tree.problems) left.push_back({"in the bundle", problem});
  return left;
}

void write_pack(const std::string& output, bool replace, const Bundle& bundle, const std::map<std::string, std::string>& beside) {
  const FileDescriptor directory = open_directory(bundle.path);
  NewFile file(output, replace);
  ZipWriter zip(file.fd(), bundle.manifest.trigger.realtime_ns / 1'000'000'000);
  for (const auto& [path, contents] : beside) zip.add(std::string(kPackRoot) + "/" + path, contents);
  const auto add = [&](const std::string& path) {
    std::string problem;
    const auto contents = read_regular_file(directory.get(), path, kMaxFileBytes, false, problem);
    if (!contents) throw Error(printable(problem), "fdr verify tells what is wrong with the bundle");
    zip.add(std::string(kPackRoot) + "/" + kPackBundle + "/" + path, *contents);
  };
  for (const auto& [path, sum] : bundle.manifest.files) add(path);
  add("manifest.json");
  zip.finish();
  file.publish();
}

Check verify_beside_bundle(const std::string& pack_directory) {
  Check check{"pack", true, {}, {}};
  const auto failed = [&](const std::string& problem) {
    check.ok = false;
    check.problems.push_back(printable(problem));
    return check;
  };
  const FileDescriptor directory = open_directory(pack_directory);
  std::string problem;
  const auto text = read_regular_file(directory.get(), "pack.json", kMaxDocumentBytes, false, problem);
  if (!text) return failed(problem);
  try {
    const nlohmann::json json = parse_json(*text, "pack.json");
    for (const auto& [path, entry] : json.at("files").items()) {
      const auto contents = read_regular_file(directory.get(), path, kMaxFileBytes, false, problem);
      if (!contents) return failed(problem);
      if (sha256_hex(*contents) != entry.at("sha256").get<std::string>()) return failed(path + ": not the checksum of pack.json");
    }
    check.text = fmt::format("{} files beside the bundle, against their checksums", json.at("files").size());
  } catch (const nlohmann::json::exception&) {
    return failed("pack.json: not as fdr pack writes it");
  }
  return check;
}

}  // namespace fdr
