#include "recorder/sources/window_file.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/error.hpp"

namespace fdr {
namespace {

constexpr std::uint64_t kMagic = 0x656c696677726466;  // "fdrwfile"
constexpr std::uint64_t kPage = 4096, kWindowMost = 64ull << 30;

struct Header {
  std::uint64_t magic = 0;
  std::uint32_t version = 0;
  std::uint32_t slots = 0, threads = 0, rows = 0, spaces = 0;
  std::uint32_t chunks[FDR_RINGS] = {};
  std::uint32_t spare = 0;
  std::uint64_t bytes = 0;
};
static_assert(sizeof(Header) <= kPage);

// Gives each array its place; the same walk for writer and reader. With `base` null only the size is found.
struct Places {
  std::uint8_t* base = nullptr;
  std::uint64_t at = kPage;

  template <class Element>
  void take(Element*& array, std::uint64_t count) {
    if (base) array = reinterpret_cast<Element*>(base + at);
    at += (count * sizeof(Element) + kPage - 1) / kPage * kPage;
  }
};

std::uint64_t place(const WindowLayout& layout, std::uint8_t* base, WindowArrays& arrays) {
  Places places{.base = base};
  places.take(arrays.control, 1);
  places.take(arrays.cursors, std::uint64_t{FDR_RINGS} * layout.slots);
  places.take(arrays.threads, layout.threads);
  places.take(arrays.parked, FDR_PARKED);
  places.take(arrays.summary, std::uint64_t{FDR_SUMMARY_ROW} * layout.slots);
  places.take(arrays.cpus, layout.slots);
  places.take(arrays.rows, layout.rows);
  places.take(arrays.spaces, layout.spaces);
  places.take(arrays.errors, kErrorCells);
  for (int ring = 0; ring < FDR_RINGS; ++ring) places.take(arrays.rings[ring], std::uint64_t{layout.chunks[ring]} * layout.slots * chunk_bytes(ring));
  return places.at;
}

WindowView view_of(const WindowLayout& layout, const WindowArrays& arrays) {
  WindowView view;
  view.layout = layout;
  for (int ring = 0; ring < FDR_RINGS; ++ring) view.rings[ring] = arrays.rings[ring];
  view.cursors = arrays.cursors;
  view.threads = arrays.threads;
  view.parked = arrays.parked;
  view.summary = arrays.summary;
  view.cpus = arrays.cpus;
  view.rows = arrays.rows;
  view.spaces = arrays.spaces;
  view.control = arrays.control;
  return view;
}

FileDescriptor create_file(const std::string& path, std::uint64_t bytes, std::string& problem) {
  ::unlink(path.c_str());  // of a recorder that is gone: we hold the lock of its name
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const int error = !file.valid() ? errno : ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (error == 0) return file;
  problem = "create " + path + ": " + std::strerror(error);
  if (file.valid()) ::unlink(path.c_str());
  return {};
}

FileDescriptor own_file(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  struct stat info {};
  if (!file.valid() || ::fstat(file.get(), &info) || !S_ISREG(info.st_mode) || info.st_uid != ::geteuid()) return {};
  return file;
}

// A layout that a recorder of ours could have had.
bool is_sound(const WindowLayout& layout) {
  const bool rings = std::all_of(layout.chunks.begin(), layout.chunks.end(), [](std::uint32_t chunks) { return chunks > 0 && chunks <= 1u << 20; });
  return rings && layout.slots > 0 && layout.slots <= FDR_MAX_CPUS && layout.threads > 0 && layout.threads <= FDR_THREAD_SLOT_MASK && layout.rows <= 1u << FDR_ROW_SEARCH_STEPS && layout.spaces <= 1u << 16;
}

std::vector<ErrnoTotal> errors_in(const ErrorCell* cells) {
  std::vector<ErrnoTotal> totals;
  for (const ErrorCell* cell = cells; cell != cells + kErrorCells; ++cell)
    if (cell->count) totals.push_back({cell->tgid, cell->nr, cell->error, cell->count});
  return totals;
}

}  // namespace

WindowFile::WindowFile(const std::vector<std::string>& candidates, const WindowLayout& layout, std::uint32_t backend, std::uint32_t lacks) {
  const std::uint64_t bytes = place(layout, nullptr, arrays_);
  FileDescriptor file;
  for (const std::string& candidate : candidates) {
    file = create_file(candidate, bytes, problem_);
    if (!file.valid()) continue;
    path_ = candidate;
    problem_.clear();
    break;
  }
  if (!file.valid()) {
    file = FileDescriptor(::memfd_create("fdr-window", MFD_CLOEXEC));
    if (!file.valid() || ::ftruncate(file.get(), static_cast<off_t>(bytes))) throw system_error("make room for the window", errno);
  }
  mapping_ = SharedMapping(file.get(), bytes, true, "the window");
  place(layout, static_cast<std::uint8_t*>(mapping_.data()), arrays_);
  view_ = view_of(layout, arrays_);
  fdr_control& control = *arrays_.control;
  std::fill(std::begin(control.slot_of_cpu), std::end(control.slot_of_cpu), std::uint16_t{FDR_NO_SLOT});
  control.backend = backend;
  control.lacks = lacks;
  control.wire_version = FDR_WIRE_VERSION;
  control.recorder = static_cast<fdr_u32>(::getpid());
  __atomic_store_n(&control.magic, std::uint64_t{FDR_MAGIC}, __ATOMIC_RELEASE);
  Header header{.magic = kMagic, .version = FDR_WIRE_VERSION, .slots = layout.slots, .threads = layout.threads, .rows = layout.rows, .spaces = layout.spaces, .chunks = {}, .spare = 0, .bytes = bytes};
  std::copy(layout.chunks.begin(), layout.chunks.end(), std::begin(header.chunks));
  std::memcpy(mapping_.data(), &header, sizeof header);
}

WindowFile::~WindowFile() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void WindowFile::renew(Timestamp now) {
  const auto now_ns = static_cast<std::uint64_t>(to_ns(now));
  arrays_.control->renewed_ns = now_ns;
  __atomic_store_n(&arrays_.control->lease_ns, now_ns, __ATOMIC_RELEASE);
}

std::vector<ErrnoTotal> WindowFile::errors() const { return errors_in(arrays_.errors); }

std::string find_window_file(const std::vector<std::string>& candidates) {
  for (const std::string& path : candidates)
    if (own_file(path).valid()) return path;
  return {};
}

bool is_in_memory(const std::string& directory) {
  struct statfs info {};
  return ::statfs(directory.c_str(), &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

FileWindow::FileWindow(const std::string& path, const std::string& name) {
  const FileDescriptor file = own_file(path);
  if (!file.valid()) throw Error("no window of '" + name + "' is there", "fdr status lists the recorders there are");
  const auto foreign = [&](const std::string& why) {
    return Error("the window of '" + name + "' is not of this version of fdr: " + why, "fdr recover " + name + " with the fdr that recorded it; or give it up: rm " + path);
  };
  Header header;
  struct stat info {};
  if (::fstat(file.get(), &info) || ::pread(file.get(), &header, sizeof header, 0) != sizeof header || header.magic != kMagic) throw foreign("it carries another mark, or was never set up");
  if (header.version != FDR_WIRE_VERSION) throw foreign("version " + std::to_string(header.version) + " of its records, ours is " + std::to_string(FDR_WIRE_VERSION));
  WindowLayout layout;
  layout.slots = header.slots;
  layout.threads = header.threads;
  layout.rows = header.rows;
  layout.spaces = header.spaces;
  std::copy(std::begin(header.chunks), std::end(header.chunks), layout.chunks.begin());
  WindowArrays arrays;
  const std::uint64_t bytes = is_sound(layout) ? place(layout, nullptr, arrays) : 0;
  if (!bytes || bytes > kWindowMost || header.bytes != bytes || static_cast<std::uint64_t>(info.st_size) != bytes) throw foreign("its size is not what it says");
  mapping_ = SharedMapping(file.get(), bytes, false, "the window");
  place(layout, static_cast<std::uint8_t*>(mapping_.data()), arrays);
  errors_ = arrays.errors;
  view_ = view_of(layout, arrays);
}

std::vector<ErrnoTotal> FileWindow::errors() const { return errors_in(errors_); }

}  // namespace fdr
