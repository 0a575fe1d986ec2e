#include "recorder/pack/redacted_pack.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <set>

#include "formats/bundle_writer.hpp"
#include "formats/compare/baseline.hpp"
#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "formats/file_tree.hpp"
#include "formats/html/page.hpp"
#include "formats/pack/new_file.hpp"
#include "formats/pack/private_directory.hpp"
#include "formats/pack/rescan.hpp"
#include "formats/report/report.hpp"
#include "formats/syscall_names.hpp"
#include "formats/text.hpp"
#include "recorder/system/small_file.hpp"
#include "unwind/symbolizer.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMinKey = 16, kMaxKey = 4096, kMaxFileBytes = 1u << 30;

std::string new_key() {
  unsigned char bytes[32];
  ssize_t got = ::getrandom(bytes, sizeof bytes, 0);
  if (got < 0 && errno == ENOSYS) {  // before Linux 3.17: random(4)
    const FileDescriptor device(::open("/dev/urandom", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    got = device.valid() ? ::read(device.get(), bytes, sizeof bytes) : -1;
  }
  if (got != static_cast<ssize_t>(sizeof bytes)) throw system_error("get random bytes for a key", errno, "--key FILE brings one");
  std::string hex;
  for (const unsigned char byte : bytes) hex += fmt::format("{:02x}", byte);
  return hex;
}

std::string key_of(const std::string& file) {
  if (file.empty()) return new_key();
  auto key = read_small_file(file, kMaxKey);
  if (!key) throw Error("cannot read the key " + printable(file), "a file of at least 16 bytes, no link: head -c 32 /dev/urandom > KEY");
  while (!key->empty() && key->back() == '\n') key->pop_back();
  if (key->size() < kMinKey) throw Error("the key " + printable(file) + " is shorter than 16 bytes", "head -c 32 /dev/urandom > KEY");
  return *key;
}

// The private map: never in the zip. With `key` the same names get the same pseudonyms in another pack.
std::string map_json(const Pseudonyms& names, const std::string& key) {
  Json json = {{"keep", "private: this says what the pseudonyms of the pack stand for"}, {"key", key.empty() ? Json(nullptr) : Json(key)}};
  for (const auto& [name, originals] : names.replaced())
    for (const auto& [original, pseudonym] : originals) json["names"][name_class(name)][pseudonym] = valid_utf8(original);
  return dump_json(json);
}

// What every bundle and every report says, whoever recorded: of an empty one.
std::vector<std::string> vocabulary() {
  Bundle empty;
  empty.manifest.rings["stacks"] = {};  // the keys of each
  empty.manifest.episode.id = "id";
  empty.manifest.sampled_hz = 1;
  empty.manifest.anchors = {{}};
  std::string trace;
  write_perfetto(empty.timeline, {"", {}}, [&](std::string_view bytes) { trace.append(bytes); });
  std::vector<std::string> texts = {to_json(empty.manifest), inflated_trace(trace), modules_json({}, {}), report_html(empty, {}),
                                    summary_text(empty.manifest, empty.timeline),
                                    "fdr process life bystanders marks stalls slow calls failed calls metrics kernel.kallsyms module+0x syscall sys_ baselines start regular mark"};
  // A program may be named as a part of a call is: sleep, mkdir.
  for (std::uint16_t number = 0; number < kSyscallNumbers; ++number) texts.push_back(syscall_name(number));
  for (int end = 0; end < static_cast<int>(WalkEnd::kCount); ++end) texts.emplace_back(walk_end_name(static_cast<WalkEnd>(end)));
  for (int kind = 0; kind < static_cast<int>(StallKind::kCount); ++kind) texts.emplace_back(stall_kind_name(static_cast<StallKind>(kind)));
  return texts;
}

std::string write_bundle(const PrivateDirectory& directory, const Redacted& redacted) {
  BundleWriter writer(directory.path(), "bundle");
  const Timeline& timeline = redacted.timeline;
  writer.add_trace(timeline, {redacted.manifest.trigger.name, from_ns(redacted.manifest.trigger.monotonic_ns)});
  writer.add_modules(timeline.stacks, redacted.slices);
  writer.add_file("summary.txt", summary_text(redacted.manifest, timeline, recorded_names(timeline.stacks, redacted.slices)));
  for (const auto& [path, contents] : redacted.files) writer.add_file(path, contents);
  return writer.finish(redacted.manifest);
}

void search(const std::string& bundle, const Rescan& rescan, const std::set<std::string>& prose) {
  for (const FileTree::File& file : list_bundle_files(bundle).files) {
    const auto bytes = read_bundle_text(bundle, file.path, kMaxFileBytes);
    if (!bytes) throw Error("the redacted " + file.path + " cannot be read again");
    // In prose a word may be a name by chance. All else is fields.
    const std::string leak = rescan.leak_in(file.path.ends_with("trace.pftrace") ? inflated_trace(*bytes) : *bytes, file.path == "summary.txt" || prose.contains(file.path));
    if (!leak.empty())
      throw Error("the redacted " + file.path + " still holds a name of the class '" + leak + "': nothing was written",
                  "--keep-symbols-of a module whose symbols share names with hosts, threads or paths makes these names public");
  }
}

std::string preview(const Redacted& redacted, const Pseudonyms& names) {
  std::string text = "What would leave, beside figures, times, pids and errors:\n";
  for (const auto& [name, originals] : names.replaced()) text += fmt::format("  {:<9} {} pseudonyms\n", name_class(name), originals.size());
  text += fmt::format("  {:<9} {} words as they are: system libraries, kernel, metrics, well-known directories\n", "public", names.kept().size());
  text += "Files: manifest.json, trace.pftrace, modules.json, summary.txt";
  for (const auto& [path, contents] : redacted.files) text += ", " + path;
  text += ", report.html, vendor.json, README.txt, signature.txt, pack.json\nLeft out:\n";
  for (const LeftOut& left : redacted.left_out) text += "  " + printable(left.path) + ": " + printable(left.why) + "\n";
  return text;
}

}  // namespace

std::string write_redacted_pack(const Bundle& bundle, const Json& vendor, RedactedPackOptions options) {
  if (bundle.partial || !bundle.problems.empty())
    throw Error("a damaged or unfinished bundle is not redacted: " + (bundle.problems.empty() ? "" : printable(bundle.problems.front())),
                "fdr verify tells what is wrong with it");
  const std::string key = key_of(options.key_file);
  Pseudonyms names(key);
  const Redacted redacted = redact(bundle, options.redact, names);
  const Json facts = redact_vendor(vendor, names);
  if (options.preview) return preview(redacted, names);

  NewFile map(options.output + ".map.json", options.force);
  const HeldSignals held;
  PrivateDirectory directory;
  const std::string path = write_bundle(directory, redacted);
  const Rescan rescan(names, vocabulary());
  search(path, rescan, redacted.prose);

  Bundle again = read_bundle(path);
  compare_with_baseline(again, "");
  const FrameNames functions = recorded_names(again.timeline.stacks, slices_of(again.timeline.stacks, again.modules));
  PackNotes notes = options.notes;
  notes.redacted = true;
  notes.left_out = redacted.left_out;
  auto beside = beside_bundle(again, functions, facts, notes);
  beside.erase("pack.json");
  for (auto file = beside.begin(); file != beside.end();) {
    const std::string leak = rescan.leak_in(file->second, true);
    if (leak.empty()) {
      ++file;
      continue;
    }
    notes.left_out.push_back({file->first, "holds what may be a name of the class '" + leak + "'"});
    file = beside.erase(file);
  }
  beside["pack.json"] = pack_json(beside, signature_of(again, functions), notes);
  if (const std::string leak = rescan.leak_in(beside["pack.json"], true); !leak.empty())
    throw Error("the case, the note or a module's name holds a name of the class '" + leak + "': nothing was written");
  map.write(map_json(names, options.key_file.empty() ? key : ""));
  write_pack(options.output, options.force, again, beside);
  map.publish();
  for (const LeftOut& left : notes.left_out) std::fprintf(stderr, "fdr: left out: %s: %s\n", printable(left.path).c_str(), printable(left.why).c_str());
  std::fprintf(stderr, "fdr: searched for %zu names (%zu are public words or too short to be told from chance); what they stand for: %s.map.json\n",
               rescan.searched(), rescan.not_searched(), printable(options.output).c_str());
  return signature_of(again, functions).text() + "\n";
}

}  // namespace fdr
