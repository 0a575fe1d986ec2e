#include "formats/bundle_reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>

#include "formats/bundle_files.hpp"
#include "formats/error.hpp"
#include "formats/sha256.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

// What is larger is not read.
struct Sizes {
  std::size_t manifest, trace, modules;
  ReadLimits limits;  // of what the trace inflates to
};
constexpr Sizes kWhole = {8u << 20, 1u << 30, 16u << 20, {}};
constexpr Sizes kInner = {256u << 10, 4u << 20, 4u << 20, {.max_inflated_bytes = 128u << 20, .max_packet_bytes = 16u << 20, .max_records = 1'000'000}};

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// The path itself is the reader's own word, so a link there is followed; nothing inside is.
FileDescriptor open_bundle(const std::string& path) {
  FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.valid()) return fd;
  if (errno == ENOTDIR)
    throw Error("open " + printable(path) + ": not a directory", "a bundle is a directory whose name ends in .fdr");
  throw system_error("open " + printable(path), errno);
}

// What a trace without its manifest still tells.
Manifest manifest_of(const Timeline& timeline) {
  Manifest manifest;
  manifest.fdr_version = "unknown";
  manifest.host.kernel = timeline.kernel;
  manifest.host.machine = timeline.machine;
  manifest.host.cpus = timeline.cpus;
  manifest.clock = timeline.anchor;
  manifest.window.start_ns = to_ns(timeline.begin);
  manifest.window.end_ns = to_ns(timeline.end);
  manifest.trigger.name = "unknown";
  manifest.trigger.monotonic_ns = to_ns(timeline.end);
  for (const LifeEvent& event : timeline.life) {
    if (event.kind != LifeKind::kTrigger) continue;
    manifest.trigger.name = event.text;
    manifest.trigger.monotonic_ns = to_ns(event.time);
  }
  const Timestamp fired{Duration{manifest.trigger.monotonic_ns}};
  manifest.trigger.realtime_ns = timeline.anchor.realtime_of(fired);
  manifest.window.before_s = to_seconds(fired - timeline.begin);
  manifest.window.after_s = to_seconds(timeline.end - fired);
  manifest.stacks.samples = timeline.samples.size();
  for (const StackSample& sample : timeline.samples) {
    manifest.stacks.complete += sample.end == WalkEnd::kRoot;
    ++manifest.stacks.reasons[walk_end_name(sample.end)];
  }
  return manifest;
}

void read_trace(int fd, const Sizes& sizes, Bundle& bundle) {
  std::string problem;
  const auto bytes = read_regular_file(fd, "trace.pftrace", sizes.trace, false, problem);
  if (!bytes) {
    bundle.problems.push_back(problem);
    return;
  }
  const auto sum = bundle.manifest.files.find("trace.pftrace");
  if (sum != bundle.manifest.files.end() && sum->second != sha256_hex(*bytes))
    bundle.problems.push_back(
        "trace.pftrace: its checksum is not the one in the manifest: damaged or changed since it was written");
  try {
    ReadResult result = read_perfetto(*bytes, sizes.limits);
    bundle.timeline = std::move(result.timeline);
    if (!result.complete) bundle.problems.push_back("trace.pftrace: " + result.problem);
  } catch (const Error& error) {
    bundle.problems.push_back(std::string("trace.pftrace: ") + error.what());
  }
}

// Names and what else is known of modules. Bundles of before had less in it: nothing there is missed.
void read_modules(int fd, const Sizes& sizes, Bundle& bundle) {
  std::string problem;
  const bool listed = bundle.manifest.files.contains("modules.json");
  const auto bytes = read_regular_file(fd, "modules.json", sizes.modules, false, problem);
  if (!bytes) {
    if (listed) bundle.problems.push_back(problem);
    return;
  }
  if (listed && bundle.manifest.files.at("modules.json") != sha256_hex(*bytes))
    bundle.problems.push_back("modules.json: its checksum is not the one in the manifest: damaged or changed since it was written");
  try {
    std::size_t damaged = 0;
    bundle.modules = modules_from_json(*bytes, &damaged);
    if (damaged > 0) bundle.problems.push_back(fmt::format("modules.json: {} entries are damaged and left out", damaged));
  } catch (const Error& error) {
    bundle.problems.push_back(error.what());
  }
}

// All else that the manifest lists: read later, part by part, where a cut file would look like a short one.
void check_files(int fd, Bundle& bundle) {
  constexpr std::size_t kMaxFileBytes = 256u << 20, kMostProblems = 20;
  std::size_t damaged = 0;
  const auto report = [&](const std::string& problem) {
    if (++damaged <= kMostProblems) bundle.problems.push_back(problem);
  };
  for (const auto& [path, sum] : bundle.manifest.files) {
    if (path == "trace.pftrace" || path == "modules.json") continue;
    std::string problem;
    const auto bytes = read_regular_file(fd, path, kMaxFileBytes, false, problem);
    if (!bytes) report(printable(problem));
    else if (sum != sha256_hex(*bytes))
      report(printable(path) + ": its checksum is not the one in the manifest: damaged or changed since it was written");
  }
  if (damaged > kMostProblems) bundle.problems.push_back(fmt::format("{} more files are missing or damaged", damaged - kMostProblems));
}

// `bundle` has its path, and whether it is a partial one.
void read_parts(int fd, const Sizes& sizes, Bundle& bundle) {
  std::string problem;
  const auto manifest = read_regular_file(fd, "manifest.json", sizes.manifest, false, problem);
  if (!manifest && !bundle.partial)
    throw Error(printable(bundle.path) + " is not a bundle: " + problem,
                "a bundle is a directory whose name ends in .fdr");
  if (manifest) bundle.manifest = manifest_from_json(*manifest);
  if (bundle.partial) bundle.problems.push_back("the recorder did not finish this bundle: parts of it may be missing");
  read_trace(fd, sizes, bundle);
  read_modules(fd, sizes, bundle);
  check_files(fd, bundle);
  if (!manifest) bundle.manifest = manifest_of(bundle.timeline);
}

}  // namespace

Bundle read_bundle(const std::string& path) {
  Bundle bundle;
  bundle.path = without_slashes(path);
  bundle.partial = bundle.path.ends_with(".partial");
  const FileDescriptor fd = open_bundle(bundle.path);
  read_parts(fd.get(), kWhole, bundle);
  return bundle;
}

Bundle read_inner_bundle(const std::string& bundle_path, const std::string& part) {
  const auto parts = safe_path_parts(part);
  if (!parts) throw Error(printable(part) + ": not a path inside a bundle");
  Bundle bundle;
  bundle.path = without_slashes(bundle_path) + "/" + part;
  FileDescriptor fd = open_bundle(without_slashes(bundle_path));
  for (const std::string& name : *parts) {
    fd = FileDescriptor(::openat(fd.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!fd.valid()) throw system_error("open " + printable(bundle.path), errno);
  }
  read_parts(fd.get(), kInner, bundle);
  return bundle;
}

std::optional<std::string> read_bundle_text(const std::string& bundle_path, const std::string& part,
                                            std::size_t max_bytes) {
  const FileDescriptor fd = open_bundle(without_slashes(bundle_path));
  std::string problem;
  return read_regular_file(fd.get(), part, max_bytes, true, problem);
}

}  // namespace fdr
