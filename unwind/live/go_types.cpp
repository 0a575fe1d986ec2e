#include "unwind/live/go_types.hpp"

#include <algorithm>
#include <array>

#include "unwind/byte_reader.hpp"

namespace fdr {
namespace {

// abi.Type: size, ptrdata (8 each), hash (4), tflag, align, fieldAlign, kind (1 each), equal, gcdata (8 each), str and
// ptrToThis (4 each); abi.StructType goes on with pkgPath (8) and the slice of fields.
constexpr std::uint64_t kFlags = 20, kKind = 23, kName = 40, kFields = 56, kFieldCount = 64, kTypeSize = 72;
constexpr std::uint8_t kExtraStar = 2, kKindMask = 31, kStruct = 25;
constexpr std::uint64_t kMaxFields = 256, kMaxSize = 1 << 20, kMaxName = 64;
constexpr int kMaxTries = 16;  // places where the name stands: one, or a few, in an honest program

struct RawField {  // abi.StructField
  std::uint64_t name, type, offset;
};

}  // namespace

const GoTypes::Field* GoTypes::Struct::find(std::string_view name) const {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

// Names are "*runtime.g", for the pointer's sake; the struct's descriptor has the same and a flag that says so.
std::optional<GoTypes::Struct> GoTypes::named(std::string_view name) {
  const auto offset = image_->offset_of_vaddr(begin_);
  const auto types = offset && begin_ < end_ ? ByteReader(image_->bytes()).slice(*offset, end_ - begin_) : std::nullopt;
  if (!types) return std::nullopt;
  const std::string wanted = std::string(1, static_cast<char>(name.size() + 1)) + "*" + std::string(name);
  const std::string_view text(reinterpret_cast<const char*>(types->data()), types->size());
  const ByteReader reader(*types);
  std::size_t found = text.find(wanted);
  for (int tries = 0; found != std::string_view::npos && tries < kMaxTries; ++tries, found = text.find(wanted, found + 1)) {
    for (const std::size_t head : {1u, 2u}) {
      if (found < head) continue;
      for (std::uint64_t at = 0; at + kTypeSize <= types->size(); at += 8) {
        if (reader.read<std::uint32_t>(at + kName) != found - head) continue;
        if ((*reader.read<std::uint8_t>(at + kKind) & kKindMask) != kStruct) continue;
        if (!(*reader.read<std::uint8_t>(at + kFlags) & kExtraStar)) continue;
        long_names_ = head == 2;
        if (auto made = GoTypes::at(bias_ + begin_ + at)) return made;
      }
    }
  }
  return std::nullopt;
}

std::optional<std::string> GoTypes::name_at(std::uint64_t address) const {
  const std::uint64_t head = long_names_ ? 3 : 2;  // flags, and the length; no field of ours is as long as 128
  std::array<std::uint8_t, 3> begin{};
  RemotePart part{address, std::span(begin).first(head)};
  memory_({&part, 1});
  const std::uint64_t length = begin[head - 1];
  if (!part.whole || length == 0 || length > kMaxName) return std::nullopt;
  std::string name(length, 0);
  part = {address + head, {reinterpret_cast<std::uint8_t*>(name.data()), name.size()}};
  memory_({&part, 1});
  return part.whole ? std::optional(name) : std::nullopt;
}

std::optional<GoTypes::Struct> GoTypes::at(std::uint64_t descriptor) const {
  const auto type = read_remote<std::array<std::uint8_t, kTypeSize>>(memory_, descriptor);
  if (!type || ((*type)[kKind] & kKindMask) != kStruct) return std::nullopt;
  const ByteReader reader(*type);
  const std::uint64_t count = *reader.read<std::uint64_t>(kFieldCount);
  Struct made{*reader.read<std::uint64_t>(0), {}};
  if (count == 0 || count > kMaxFields || made.size > kMaxSize) return std::nullopt;
  std::vector<RawField> raw(count);
  RemotePart part{*reader.read<std::uint64_t>(kFields),
                  {reinterpret_cast<std::uint8_t*>(raw.data()), count * sizeof(RawField)}};
  memory_({&part, 1});
  if (!part.whole) return std::nullopt;
  for (const RawField& field : raw) {
    auto name = name_at(field.name);
    made.fields.push_back({name ? std::move(*name) : "", field.offset, field.type});
  }
  // Up to Go 1.18 the lowest bit says "embedded" and the offset stands above it: the last would lie outside otherwise, or
  // the struct ends in something as large as all before.
  const std::uint64_t last = made.fields.back().offset;
  if (last >= made.size && last / 2 < made.size)
    for (Field& field : made.fields) field.offset /= 2;
  return made;
}

std::optional<std::uint64_t> GoTypes::offset(const Struct& of, std::string_view path) const {
  const std::size_t dot = path.find('.');
  const Field* field = of.find(path.substr(0, dot));
  if (!field || field->offset >= of.size) return std::nullopt;
  if (dot == std::string_view::npos) return field->offset;
  const auto inner = at(field->type);
  const auto further = inner ? offset(*inner, path.substr(dot + 1)) : std::nullopt;
  return further ? std::optional(field->offset + *further) : std::nullopt;
}

}  // namespace fdr
