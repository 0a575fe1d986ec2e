#include "formats/modules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "formats/error.hpp"
#include "formats/function_line.hpp"
#include "formats/json_text.hpp"
#include "formats/json_writer.hpp"
#include "formats/text.hpp"

namespace fdr {
namespace {

constexpr std::size_t kMaxModules = 65'536;
constexpr std::size_t kMaxFunctions = 262'144;  // of all modules together, far above what fits a bundle of ours
constexpr std::size_t kLineOverhead = 14;       // indent, quotes, comma and newline of one line in the file

constexpr std::pair<ModuleKind, const char*> kKinds[] = {{ModuleKind::kFile, "file"},
                                                         {ModuleKind::kKernel, "kernel"},
                                                         {ModuleKind::kVdso, "vdso"},
                                                         {ModuleKind::kAnonymous, "anonymous"}};

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::uint64_t number_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::optional<std::uint64_t> hex_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Calls `take` with every line of a list; false from it counts as damage.
template <class Take>
void read_lines(const nlohmann::json& object, const char* key, std::size_t& room, std::size_t& damaged, Take take) {
  const auto list = object.find(key);
  if (list == object.end()) return;
  if (!list->is_array()) return void(++damaged);
  for (const auto& item : *list) {
    if (room == 0) return void(++damaged);
    --room;
    const auto line = item.is_string() ? parse_function_line(item.get_ref<const std::string&>()) : std::nullopt;
    if (!line || line->size == 0 || !take(*line)) ++damaged;
  }
}

ModuleSlice slice_of(const nlohmann::json& object, std::size_t& room, std::size_t& damaged) {
  ModuleSlice slice;
  slice.source = text_of(object, "source");
  slice.left_out = number_of(object, "left_out");
  read_lines(object, "functions", room, damaged, [&](const FunctionLine& line) {
    if (line.name.empty() || line.name.size() > kMaxSliceName) return false;
    slice.functions.push_back({line.start, line.size, std::string(line.name)});
    return true;
  });
  read_lines(object, "nameless", room, damaged, [&](const FunctionLine& line) {
    const auto vaddr = hex_of(line.name);
    if (vaddr) slice.nameless.push_back({line.start, line.size, *vaddr});
    return vaddr.has_value();
  });
  return slice;
}

// Bytes that are not UTF-8 become \xNN, which takes more room: cut again, so that a reader does not take it for damage.
std::string stored_name(const std::string& name) {
  std::string text = valid_utf8(name);
  if (text.size() > kMaxSliceName) text = valid_utf8(std::string_view(text).substr(0, kMaxSliceName - 16));
  return text;
}

// How many samples a frame was met in.
std::vector<std::uint64_t> frame_weights(const Timeline& timeline) {
  std::vector<std::uint64_t> of_stack(timeline.stacks.stack_count()), of_frame(timeline.stacks.frames().size());
  for (const StackSample& sample : timeline.samples)
    if (sample.stack < of_stack.size()) ++of_stack[sample.stack];
  for (StackId stack = 0; stack < of_stack.size(); ++stack)
    for (const std::uint32_t frame : timeline.stacks.stack(stack)) of_frame[frame] += of_stack[stack];
  return of_frame;
}

}  // namespace

const char* module_kind_name(ModuleKind kind) {
  for (const auto& [known, name] : kKinds)
    if (known == kind) return name;
  return "invalid";
}

Module anonymous_module(std::string_view what, std::int32_t pid) {
  return {ModuleKind::kAnonymous, fmt::format("[{} {}]", what, pid), ""};
}

std::optional<std::int32_t> process_of(const Module& module) {
  const std::string& path = module.path;
  const std::size_t blank = path.rfind(' ');
  if (module.kind != ModuleKind::kAnonymous || blank == std::string::npos || !path.ends_with(']')) return std::nullopt;
  std::int32_t pid = 0;
  const char* const end = path.data() + path.size() - 1;
  const auto [behind, error] = std::from_chars(path.data() + blank + 1, end, pid);
  return error == std::errc() && behind == end && pid > 0 ? std::optional(pid) : std::nullopt;
}

void fit_slices(const Timeline& timeline, std::vector<ModuleSlice>& slices, std::size_t max_bytes) {
  struct Item {
    std::uint64_t offset, size, weight = 0;
    std::size_t bytes, module, index;
    bool named;
  };
  // Of each module, sorted by offset.
  std::vector<std::vector<Item>> items(slices.size());
  std::size_t bytes = 0;
  for (std::size_t m = 0; m < slices.size(); ++m) {
    for (std::size_t i = 0; i < slices[m].functions.size(); ++i) {
      const auto& f = slices[m].functions[i];
      items[m].push_back({f.offset, f.size, 0, function_line(f.offset, f.size, f.name).size() + kLineOverhead, m, i, true});
    }
    for (std::size_t i = 0; i < slices[m].nameless.size(); ++i) {
      const auto& f = slices[m].nameless[i];
      items[m].push_back({f.offset, f.size, 0, function_line(f.offset, f.size, fmt::format("{:x}", f.vaddr)).size() + kLineOverhead, m, i, false});
    }
    for (const Item& item : items[m]) bytes += item.bytes;
  }
  if (bytes <= max_bytes) return;

  const auto weights = frame_weights(timeline);
  for (auto& of_module : items)
    std::sort(of_module.begin(), of_module.end(), [](const Item& a, const Item& b) { return a.offset < b.offset; });
  for (std::size_t frame = 0; frame < weights.size(); ++frame) {
    const Frame& f = timeline.stacks.frames()[frame];
    if (f.module >= items.size()) continue;
    auto& of_module = items[f.module];
    auto item = std::upper_bound(of_module.begin(), of_module.end(), f.offset,
                                 [](std::uint64_t offset, const Item& i) { return offset < i.offset; });
    if (item != of_module.begin() && f.offset - std::prev(item)->offset < std::prev(item)->size) std::prev(item)->weight += weights[frame];
  }
  std::vector<Item> all;
  for (const auto& of_module : items) all.insert(all.end(), of_module.begin(), of_module.end());
  std::stable_sort(all.begin(), all.end(), [](const Item& a, const Item& b) { return a.weight > b.weight; });

  std::vector<ModuleSlice> kept(slices.size());
  std::size_t used = 0;
  for (const Item& item : all) {
    ModuleSlice& to = kept[item.module];
    used += item.bytes;
    if (used > max_bytes) {  // and stays so: what comes now is of fewer samples
      ++to.left_out;
      continue;
    }
    if (item.named) to.functions.push_back(std::move(slices[item.module].functions[item.index]));
    else to.nameless.push_back(slices[item.module].nameless[item.index]);
  }
  const auto by_offset = [](const auto& a, const auto& b) { return a.offset < b.offset; };
  for (std::size_t m = 0; m < slices.size(); ++m) {
    std::sort(kept[m].functions.begin(), kept[m].functions.end(), by_offset);
    std::sort(kept[m].nameless.begin(), kept[m].nameless.end(), by_offset);
    kept[m].source = std::move(slices[m].source);
    kept[m].left_out += slices[m].left_out;
  }
  slices = std::move(kept);
}

std::string modules_json(const StackTable& stacks, const std::vector<ModuleSlice>& slices) {
  std::vector<std::uint64_t> frames(stacks.modules().size());
  for (const Frame& frame : stacks.frames()) ++frames.at(frame.module);
  const auto module_row = [&](JsonWriter& json, std::size_t i) {
    const Module& module = stacks.modules()[i];
    json.field("path", module.path);
    json.field("build_id", module.build_id);
    json.field("kind", module_kind_name(module.kind));
    json.field("frames", frames[i]);
    if (i >= slices.size() || (slices[i].empty() && slices[i].left_out == 0)) return;
    const ModuleSlice& slice = slices[i];
    json.field("source", slice.source);
    json.field("left_out", slice.left_out);
    json.array("functions", [&] {
      for (const auto& f : slice.functions) json.item(function_line(f.offset, f.size, stored_name(f.name)));
    });
    json.array("nameless", [&] {
      for (const auto& f : slice.nameless) json.item(function_line(f.offset, f.size, fmt::format("{:x}", f.vaddr)));
    });
  };
  return json_file([&](JsonWriter& json) {
    json.array("modules", [&] {
      for (std::size_t i = 0; i < frames.size(); ++i) json.object([&] { module_row(json, i); });
    });
  });
}

std::vector<RecordedModule> modules_from_json(std::string_view text, std::size_t* damaged) {
  const nlohmann::json document = parse_json(text, "modules.json");
  const auto list = document.is_object() ? document.find("modules") : document.end();
  if (!document.is_object() || list == document.end() || !list->is_array()) throw Error("modules.json: no list of modules");
  std::vector<RecordedModule> modules;
  std::size_t room = kMaxFunctions;
  for (const nlohmann::json& object : *list) {
    if (modules.size() == kMaxModules) {
      ++*damaged;
      break;
    }
    if (!object.is_object()) {
      ++*damaged;
      continue;
    }
    const std::string kind = text_of(object, "kind");
    const auto* known = std::find_if(std::begin(kKinds), std::end(kKinds), [&](const auto& k) { return kind == k.second; });
    if (known == std::end(kKinds)) {
      ++*damaged;
      continue;
    }
    RecordedModule module;
    module.module = {known->first, text_of(object, "path"), text_of(object, "build_id")};
    module.frames = number_of(object, "frames");
    module.slice = slice_of(object, room, *damaged);
    modules.push_back(std::move(module));
  }
  return modules;
}

std::vector<ModuleSlice> slices_of(const StackTable& stacks, const std::vector<RecordedModule>& recorded) {
  std::map<Module, const ModuleSlice*> known;
  for (const RecordedModule& module : recorded) known.try_emplace(module.module, &module.slice);
  std::vector<ModuleSlice> slices;
  for (const Module& module : stacks.modules()) {
    // As the file has it: its text went through valid_utf8.
    const auto found = known.find({module.kind, valid_utf8(module.path), valid_utf8(module.build_id)});
    slices.push_back(found == known.end() ? ModuleSlice{} : *found->second);
  }
  return slices;
}

}  // namespace fdr
