// ProcessTable::save() and restore(): modules and address spaces once each, then who lives, then as much of what has ended as there is room
// for, the newest first. Fields are named in one order only: here.
#include <algorithm>
#include <map>

#include "recorder/saved/state_file.hpp"
#include "recorder/targets/process_table.hpp"

namespace fdr {
namespace {

constexpr std::uint32_t kNoSpace = UINT32_MAX;

void put_time(StateWriter& to, const std::optional<Timestamp>& time) { to.put(time ? to_ns(*time) : std::int64_t{-1}); }
std::optional<Timestamp> get_time(ByteCursor& from) {
  const auto ns = from.read<std::int64_t>();
  if (ns < 0) return std::nullopt;
  return Timestamp{Duration{ns}};
}

// One part of the payload: a count, then so many elements.
struct Section {
  std::uint32_t count = 0;
  StateWriter bytes;
  void end_into(StateWriter& to) const {
    to.put(count);
    to.text(bytes.bytes());
  }
};

class TableWriter {
 public:
  std::uint32_t space(const std::shared_ptr<AddressSpace>& space) {
    if (!space) return kNoSpace;
    const auto [entry, fresh] = spaces_.try_emplace(space.get(), spaces.count);
    if (!fresh) return entry->second;
    ++spaces.count;
    spaces.bytes.put(static_cast<std::uint32_t>(space->mappings().size()));
    for (const Mapping& mapping : space->mappings()) {
      spaces.bytes.put(mapping.start);
      spaces.bytes.put(mapping.end);
      spaces.bytes.put(mapping.file_offset);
      spaces.bytes.put(module(mapping.module));
      spaces.bytes.put(to_ns(mapping.since));
      spaces.bytes.put(mapping.deleted);
    }
    return entry->second;
  }

  void process(std::uint64_t key, const TrackedProcess& tracked, bool lives) {
    const Process& process = tracked.process;
    StateWriter& to = processes.bytes;
    ++processes.count;
    to.put(key);
    to.put(lives);
    to.put(process.pid);
    to.put(process.parent);
    to.put(process.start_boottime_ns);
    to.text(process.name);
    to.text(process.executable);
    to.texts(process.command_line);
    put_time(to, process.started);
    put_time(to, process.ended);
    to.put(process.wait_status.has_value());
    to.put(process.wait_status.value_or(0));
    to.text(process.target);
    to.put(static_cast<std::uint32_t>(tracked.spaces.size()));
    for (const TrackedProcess::Space& since : tracked.spaces) {
      to.put(to_ns(since.since));
      to.put(space(since.space));
    }
  }

  void thread(const TrackedThread& thread) {
    StateWriter& to = threads.bytes;
    ++threads.count;
    to.put(thread.id);
    to.put(thread.process);
    to.put(thread.tid);
    put_time(to, thread.started);
    put_time(to, thread.ended);
    if (!thread.ended) return;
    to.text(thread.name);
    to.put(thread.account);
  }

  void life(const LifeEvent& event) {
    StateWriter& to = events.bytes;
    ++events.count;
    to.put(to_ns(event.time));
    to.put(event.kind);
    to.put(event.thread);
    to.text(event.text);
    to.put(event.value);
  }

  std::size_t size() const { return modules.bytes.size() + spaces.bytes.size() + processes.bytes.size() + threads.bytes.size() + events.bytes.size(); }

  Section modules, spaces, processes, threads, events;

 private:
  std::uint32_t module(const Module& module) {
    const auto [entry, fresh] = modules_.try_emplace(module, modules.count);
    if (fresh) {
      ++modules.count;
      modules.bytes.put(module.kind);
      modules.bytes.text(module.path);
      modules.bytes.text(module.build_id);
    }
    return entry->second;
  }

  std::map<Module, std::uint32_t> modules_;
  std::map<const AddressSpace*, std::uint32_t> spaces_;
};

// Writes the newest of `all` (oldest first) until `room` is used up; how many were left out.
template <class Range, class Write>
std::uint64_t newest(const Range& all, std::size_t room, const TableWriter& writer, const Write& write) {
  std::uint64_t left_out = 0;
  for (auto one = all.rbegin(); one != all.rend(); ++one) {
    if (writer.size() < room) write(**one);
    else ++left_out;
  }
  return left_out;
}

// The cursor over one section.
struct SectionCursor {
  std::uint32_t count = 0;
  ByteCursor bytes;
};
SectionCursor section(ByteCursor& from, std::size_t least) {
  SectionCursor section;
  section.count = from.read<std::uint32_t>();
  section.bytes = ByteCursor(from.take(from.read<std::uint32_t>()));
  if (section.count > section.bytes.left() / least) from.take(from.left() + 1);
  return section;
}

std::vector<Module> get_modules(ByteCursor& from) {
  SectionCursor part = section(from, 9);
  std::vector<Module> modules;
  for (std::uint32_t i = 0; i < part.count && !part.bytes.failed(); ++i) {
    const auto kind = part.bytes.read<std::uint8_t>();
    Module module{.kind = kind <= static_cast<std::uint8_t>(ModuleKind::kAnonymous) ? static_cast<ModuleKind>(kind) : ModuleKind::kAnonymous, .path = {}, .build_id = {}};
    module.path = get_text(part.bytes);
    module.build_id = get_text(part.bytes);
    modules.push_back(std::move(module));
  }
  return modules;
}

std::vector<std::shared_ptr<AddressSpace>> get_spaces(ByteCursor& from, const std::vector<Module>& modules) {
  SectionCursor part = section(from, 4);
  std::vector<std::shared_ptr<AddressSpace>> spaces;
  for (std::uint32_t i = 0; i < part.count && !part.bytes.failed(); ++i) {
    std::vector<Mapping> mappings(get_count(part.bytes, 37));
    for (Mapping& mapping : mappings) {
      mapping.start = part.bytes.read<std::uint64_t>();
      mapping.end = part.bytes.read<std::uint64_t>();
      mapping.file_offset = part.bytes.read<std::uint64_t>();
      if (const auto module = part.bytes.read<std::uint32_t>(); module < modules.size()) mapping.module = modules[module];
      mapping.since = Timestamp{Duration{part.bytes.read<std::int64_t>()}};
      mapping.deleted = part.bytes.read<std::uint8_t>() != 0;
    }
    // As they came: what is newer hides what was there.
    std::stable_sort(mappings.begin(), mappings.end(), [](const Mapping& a, const Mapping& b) { return a.since < b.since; });
    spaces.push_back(std::make_shared<AddressSpace>());
    for (Mapping& mapping : mappings) spaces.back()->add(std::move(mapping));
  }
  return spaces;
}

}  // namespace

std::uint64_t ProcessTable::save(StateWriter& to, std::size_t most) const {
  TableWriter writer;
  std::vector<const std::pair<const std::uint64_t, TrackedProcess>*> ended;
  for (const auto& entry : processes_) {
    const auto live = live_.find(entry.second.process.pid);
    if (live == live_.end() || live->second != entry.first) ended.push_back(&entry);
    else if (writer.size() < most) writer.process(entry.first, entry.second, true);
  }
  std::vector<const TrackedThread*> ended_threads;
  for (const auto& [id, thread] : threads_) {
    if (thread.ended) ended_threads.push_back(&thread);
    else if (writer.size() < most) writer.thread(thread);
  }
  std::sort(ended_threads.begin(), ended_threads.end(), [](const TrackedThread* a, const TrackedThread* b) { return *a->ended < *b->ended; });
  std::vector<const LifeEvent*> events;
  for (const LifeEvent& event : life_) events.push_back(&event);

  // A third of what is left for each kind, and what one leaves for the next.
  const std::size_t room = most > writer.size() ? most - writer.size() : 0, used = writer.size();
  std::uint64_t left_out = newest(ended, used + room / 3, writer, [&](const auto& entry) { writer.process(entry.first, entry.second, false); });
  left_out += newest(ended_threads, used + 2 * room / 3, writer, [&](const TrackedThread& thread) { writer.thread(thread); });
  left_out += newest(events, used + room, writer, [&](const LifeEvent& event) { writer.life(event); });

  to.texts(target_names_);
  to.put(next_key_);
  to.put(refused_);
  for (const Section* part : {&writer.modules, &writer.spaces, &writer.processes, &writer.threads, &writer.events}) part->end_into(to);
  to.put(static_cast<std::uint32_t>(pending_life_.size()));
  for (const fdr_life& event : pending_life_) to.put(event);
  return left_out;
}

std::optional<ProcessTable> ProcessTable::restore(ByteCursor& from) {
  ProcessTable table(get_texts(from));
  table.next_key_ = from.read<std::uint64_t>();
  table.refused_ = from.read<std::uint64_t>();
  const std::vector<Module> modules = get_modules(from);
  const auto spaces = get_spaces(from, modules);

  SectionCursor part = section(from, 70);
  for (std::uint32_t i = 0; i < part.count && !part.bytes.failed(); ++i) {
    ByteCursor& bytes = part.bytes;
    const auto key = bytes.read<std::uint64_t>();
    const bool lives = bytes.read<std::uint8_t>() != 0;
    TrackedProcess tracked;
    Process& process = tracked.process;
    process.pid = bytes.read<std::int32_t>();
    process.parent = bytes.read<std::int32_t>();
    process.start_boottime_ns = bytes.read<std::uint64_t>();
    process.name = get_text(bytes);
    process.executable = get_text(bytes);
    process.command_line = get_texts(bytes);
    process.started = get_time(bytes);
    process.ended = get_time(bytes);
    const bool has_status = bytes.read<std::uint8_t>() != 0;
    const auto status = bytes.read<std::int32_t>();
    if (has_status) process.wait_status = status;
    process.target = get_text(bytes);
    const std::uint32_t count = get_count(bytes, 12);
    for (std::uint32_t j = 0; j < count; ++j) {
      const Timestamp since{Duration{bytes.read<std::int64_t>()}};
      if (const auto space = bytes.read<std::uint32_t>(); space < spaces.size()) tracked.spaces.push_back({since, spaces[space]});
    }
    if (bytes.failed() || key >= table.next_key_) return std::nullopt;
    if (lives) table.live_[process.pid] = key;
    table.processes_.emplace(key, std::move(tracked));
  }
  if (part.bytes.failed()) return std::nullopt;

  part = section(from, 32);
  for (std::uint32_t i = 0; i < part.count; ++i) {
    ByteCursor& bytes = part.bytes;
    TrackedThread thread;
    thread.id = bytes.read<std::uint32_t>();
    thread.process = bytes.read<std::uint64_t>();
    thread.tid = bytes.read<std::int32_t>();
    thread.started = get_time(bytes);
    thread.ended = get_time(bytes);
    if (thread.ended) {
      thread.name = get_text(bytes);
      thread.account = bytes.read<fdr_thread>();
    }
    if (bytes.failed()) return std::nullopt;
    table.threads_[thread.id] = std::move(thread);
  }

  part = section(from, 25);
  for (std::uint32_t i = 0; i < part.count; ++i) {
    ByteCursor& bytes = part.bytes;
    LifeEvent event;
    event.time = Timestamp{Duration{bytes.read<std::int64_t>()}};
    const auto kind = bytes.read<std::uint8_t>();
    event.kind = kind <= static_cast<std::uint8_t>(LifeKind::kNote) ? static_cast<LifeKind>(kind) : LifeKind::kNote;
    event.thread = bytes.read<std::uint32_t>();
    event.text = get_text(bytes);
    event.value = bytes.read<std::int64_t>();
    if (bytes.failed()) return std::nullopt;
    table.life_.push_back(std::move(event));
  }
  std::stable_sort(table.life_.begin(), table.life_.end(), [](const LifeEvent& a, const LifeEvent& b) { return a.time < b.time; });

  const std::uint32_t pending = get_count(from, sizeof(fdr_life));
  for (std::uint32_t i = 0; i < pending; ++i) table.pending_life_.push_back(from.read<fdr_life>());
  if (from.failed()) return std::nullopt;
  return table;
}

}  // namespace fdr
