#include "recorder/sources/pinned_window.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "formats/error.hpp"
#include "formats/file_descriptor.hpp"
#include "recorder/sources/pins.hpp"
#include "recorder/sources/shared_mapping.hpp"

namespace fdr {
namespace {

constexpr std::uint32_t kErrorsMost = 4096;            // maps.h
constexpr std::uint64_t kWindowMost = 64ull << 30;     // bytes; no ring is longer

// In one call (kernel 5.6).
template <class Key, class Value>
std::vector<std::pair<Key, Value>> all_of(int map, std::uint32_t most) {
  std::vector<Key> keys(most);
  std::vector<Value> values(most);
  std::uint64_t cursor = 0;  // opaque: four bytes, a bucket
  __u32 count = most;
  const int result = bpf_map_lookup_batch(map, nullptr, &cursor, keys.data(), values.data(), &count, nullptr);
  std::vector<std::pair<Key, Value>> all;
  if (result && errno != ENOENT) return all;  // ENOENT: the end was reached
  all.reserve(count);
  for (std::uint32_t i = 0; i < std::min(count, most); ++i) all.emplace_back(keys[i], values[i]);
  return all;
}

struct PinnedMap {
  FileDescriptor descriptor;
  bpf_map_info info{};
};

// For writing too, though nothing is written: the kernel takes VM_SHARED from a mapping of a descriptor that is read-only, and bpf_map_mmap()
// wants it.
PinnedMap open_pinned(const std::string& directory, const char* name) {
  const std::string path = directory + "/" + name;
  PinnedMap map{.descriptor = FileDescriptor(bpf_obj_get(path.c_str()))};
  if (!map.descriptor.valid()) throw system_error("open " + path, errno, errno == EACCES || errno == EPERM ? "run as root: the window of a recorder is read by BPF" : "");
  __u32 length = sizeof map.info;
  if (bpf_obj_get_info_by_fd(map.descriptor.get(), &map.info, &length)) throw system_error("look at " + path, errno);
  return map;
}

Error foreign(const std::string& name, const std::string& why) {
  return Error("the window of '" + name + "' is not of this version of fdr: " + why,
               "fdr recover " + name + " with the fdr that recorded it; or give it up: rm -r " + pin_directory(name) + " /run/fdr/" + name);
}

}  // namespace

std::vector<ErrnoTotal> read_errors(int map) {
  std::vector<ErrnoTotal> totals;
  std::vector<fdr_error_count> per_cpu(static_cast<std::size_t>(std::max(1, libbpf_num_possible_cpus())));
  fdr_error_key key{}, next{};
  const fdr_error_key* previous = nullptr;
  // Bounded by the map's size: keys that are recycled meanwhile may restart the walk.
  for (unsigned step = 0; step < 2 * kErrorsMost && bpf_map_get_next_key(map, previous, &next) == 0; ++step) {
    key = next;
    previous = &key;
    if (bpf_map_lookup_elem(map, &key, per_cpu.data())) continue;
    ErrnoTotal total{key.tgid, key.nr, key.error, 0};
    for (const fdr_error_count& count : per_cpu) total.count += count.count;
    totals.push_back(total);
  }
  return totals;
}

std::vector<std::pair<fdr_failing_key, fdr_failing>> read_failing(int map, std::uint32_t most) { return all_of<fdr_failing_key, fdr_failing>(map, most); }
std::vector<std::pair<std::uint32_t, fdr_ticks>> read_ticks(int map, std::uint32_t most) { return all_of<std::uint32_t, fdr_ticks>(map, most); }
std::vector<std::pair<fdr_send_key, fdr_send>> read_sends(int map, std::uint32_t most) { return all_of<fdr_send_key, fdr_send>(map, most); }

std::vector<std::pair<fdr_heap_key, fdr_heap_block>> read_heap_blocks(int map, std::uint32_t most) { return all_of<fdr_heap_key, fdr_heap_block>(map, most); }
std::vector<std::pair<std::uint64_t, fdr_heap_stack>> read_heap_stacks(int map, std::uint32_t most) { return all_of<std::uint64_t, fdr_heap_stack>(map, most); }

void forget_heap(int blocks, std::uint32_t most_blocks, int stacks, std::uint32_t most_stacks, const std::set<std::int32_t>& known, std::uint64_t before_ns) {
  const auto is_gone = [&](std::uint32_t tgid) { return !known.contains(static_cast<std::int32_t>(tgid)); };
  std::set<std::uint32_t> young;  // born meanwhile
  for (const auto& [key, block] : read_heap_blocks(blocks, most_blocks)) {
    if (!is_gone(key.tgid)) continue;
    if (block.ns < before_ns) bpf_map_delete_elem(blocks, &key);
    else young.insert(key.tgid);
  }
  for (const auto& [key, stack] : read_heap_stacks(stacks, most_stacks))
    if (is_gone(stack.tgid) && !young.contains(stack.tgid)) bpf_map_delete_elem(stacks, &key);
}

class PinnedWindow::Impl {
 public:
  explicit Impl(const std::string& name) : name_(name), directory_(pin_directory(name)) {
    if (!has_pinned_window(name)) throw Error("no window is pinned under the name '" + name + "'", "fdr status lists the recorders there are");
    check_version();
    view_.cpus = array<fdr_cpu>("cpus", view_.layout.slots);
    if (view_.layout.slots > FDR_MAX_CPUS) throw foreign(name_, "more CPUs than there can be");
    for (int ring = 0; ring < FDR_RINGS; ++ring) map_ring(ring);
    std::uint32_t count = 0;
    view_.cursors = array<fdr_cursor>("cursors", count);
    expect(count, FDR_RINGS * view_.layout.slots, "cursors");
    view_.threads = array<fdr_thread>("threads", view_.layout.threads);
    view_.parked = array<fdr_parked>("parked", count);
    expect(count, FDR_PARKED, "parked");
    view_.summary = array<fdr_summary_cell>("summary", count);
    expect(count, FDR_SUMMARY_ROW * view_.layout.slots, "summary");
    view_.rows = array<fdr_row>("rows", view_.layout.rows);
    view_.spaces = array<fdr_space>("spaces", view_.layout.spaces);
    errors_ = hash("errors", sizeof(fdr_error_key), sizeof(fdr_error_count));
    failing_ = hash("failing", sizeof(fdr_failing_key), sizeof(fdr_failing));
    ticks_ = hash("bystander_ticks", sizeof(std::uint32_t), sizeof(fdr_ticks));
    if (::access((directory_ + "/heap_blocks").c_str(), F_OK)) return;  // nobody asked for it
    heap_blocks_ = hash("heap_blocks", sizeof(fdr_heap_key), sizeof(fdr_heap_block));
    heap_stacks_ = hash("heap_stacks", sizeof(std::uint64_t), sizeof(fdr_heap_stack));
    heap_counts_ = array<fdr_heap_counts>("heap_counts", count);
  }

  HeapReading heap() const {
    HeapReading reading;
    if (!heap_counts_) return reading;
    reading.asked = true;
    reading.blocks = read_heap_blocks(heap_blocks_.descriptor.get(), heap_blocks_.info.max_entries);
    reading.stacks = read_heap_stacks(heap_stacks_.descriptor.get(), heap_stacks_.info.max_entries);
    reading.counts = *heap_counts_;
    return reading;
  }

  WindowView view_;
  PinnedMap errors_, failing_, ticks_, heap_blocks_, heap_stacks_;
  const fdr_heap_counts* heap_counts_ = nullptr;

 private:
  // What every version has in its place; the rest of it is looked at once the version is known to be ours.
  void check_version() {
    const PinnedMap map = open_pinned(directory_, "control");
    if (map.info.type != BPF_MAP_TYPE_ARRAY || map.info.key_size != 4 || map.info.value_size < offsetof(fdr_control, renewed_ns) || map.info.value_size > 1u << 20)
      throw foreign(name_, "its first page is another one");
    std::vector<std::uint8_t> bytes(map.info.value_size);
    const std::uint32_t zero = 0;
    if (bpf_map_lookup_elem(map.descriptor.get(), &zero, bytes.data())) throw system_error("read the window of '" + name_ + "'", errno);
    std::uint64_t magic = 0;
    std::uint32_t version = 0;
    std::memcpy(&magic, bytes.data() + offsetof(fdr_control, magic), sizeof magic);
    std::memcpy(&version, bytes.data() + offsetof(fdr_control, wire_version), sizeof version);
    if (magic != FDR_MAGIC) throw foreign(name_, "it carries another mark, or was never set up");
    if (version != FDR_WIRE_VERSION) throw foreign(name_, "version " + std::to_string(version) + " of its records, ours is " + std::to_string(FDR_WIRE_VERSION));
    std::uint32_t count = 0;
    view_.control = array<fdr_control>("control", count);
  }

  void expect(std::uint32_t got, std::uint32_t wanted, const char* what) const {
    if (got != wanted) throw foreign(name_, std::string(what) + " has another size");
  }

  template <class Element>
  Element* array(const char* name, std::uint32_t& count) {
    return static_cast<Element*>(map_array(name, sizeof(Element), count));
  }

  void* map_array(const char* name, std::size_t element, std::uint32_t& count) {
    const PinnedMap map = open_pinned(directory_, name);
    // Elements lie at multiples of eight bytes (kernel/bpf/arraymap.c).
    if (map.info.type != BPF_MAP_TYPE_ARRAY || map.info.value_size != element || element % 8 || !map.info.max_entries) throw foreign(name_, std::string(name) + " has other elements");
    count = map.info.max_entries;
    const std::uint64_t bytes = std::uint64_t{count} * element;
    if (bytes > kWindowMost) throw foreign(name_, std::string(name) + " is larger than it can be");
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    mappings_.emplace_back(map.descriptor.get(), static_cast<std::size_t>((bytes + page - 1) / page * page), false, name);
    return mappings_.back().data();
  }

  void map_ring(int ring) {
    std::uint32_t chunks = 0;
    view_.rings[ring] = static_cast<const std::uint8_t*>(map_array(kRingNames[ring], chunk_bytes(ring), chunks));
    if (chunks % view_.layout.slots) throw foreign(name_, std::string(kRingNames[ring]) + " has another size");
    view_.layout.chunks[ring] = chunks / view_.layout.slots;
  }

  PinnedMap hash(const char* name, std::size_t key, std::size_t value) const {
    PinnedMap map = open_pinned(directory_, name);
    if (map.info.key_size != key || map.info.value_size != value || map.info.max_entries > 1u << 20) throw foreign(name_, std::string(name) + " has other entries");
    return map;
  }

  std::string name_, directory_;
  std::vector<SharedMapping> mappings_;
};

PinnedWindow::PinnedWindow(const std::string& name) : impl_(std::make_unique<Impl>(name)) {}
PinnedWindow::~PinnedWindow() = default;

const WindowView& PinnedWindow::window() const { return impl_->view_; }
std::vector<ErrnoTotal> PinnedWindow::errors() const { return read_errors(impl_->errors_.descriptor.get()); }
std::vector<std::pair<fdr_failing_key, fdr_failing>> PinnedWindow::failing() const {
  return read_failing(impl_->failing_.descriptor.get(), impl_->failing_.info.max_entries);
}
std::vector<std::pair<std::uint32_t, fdr_ticks>> PinnedWindow::bystander_ticks() const {
  return read_ticks(impl_->ticks_.descriptor.get(), impl_->ticks_.info.max_entries);
}

HeapReading PinnedWindow::heap() const { return impl_->heap(); }

}  // namespace fdr
