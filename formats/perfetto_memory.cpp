// The records of memory: what became resident, and what was allocated and is held.
#include "formats/perfetto_put.hpp"
#include "formats/perfetto_records.hpp"

namespace fdr::perfetto {

void put(Message& message, const Growth& g, const TraceClock& clock) {
  message.add_uint64(growth::kTime, clock.to_trace(g.time));
  add(message, growth::kThread, index_to_trace(g.thread));
  add_enum(message, growth::kKind, g.kind);
  add(message, growth::kBytes, g.bytes);
  add(message, growth::kAddress, g.address);
  add(message, growth::kRegion, g.region);
  add(message, growth::kGivenBack, g.given_back, clock);
  add(message, growth::kStack, index_to_trace(g.stack));
  add_enum(message, growth::kEnd, g.end);
}

void get(std::string_view message, Growth& g, const TraceClock& clock) {
  g.end = WalkEnd::kRoot;  // the value of an absent field
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case growth::kTime:
        g.time = clock.from_trace(f.number());
        break;
      case growth::kThread:
        g.thread = f.index();
        break;
      case growth::kKind:
        g.kind = f.enumeration(GrowthKind::kShared);
        break;
      case growth::kBytes:
        g.bytes = f.number();
        break;
      case growth::kAddress:
        g.address = f.number();
        break;
      case growth::kRegion:
        g.region = f.text();
        break;
      case growth::kGivenBack:
        g.given_back = clock.from_trace(f.number());
        break;
      case growth::kStack:
        g.stack = f.index();
        break;
      case growth::kEnd:
        g.end = f.enumeration(WalkEnd::kNotWalked);
        break;
      default:
        break;
    }
  }
}

void put(Message& message, const Held& h, const TraceClock& clock) {
  message.add_uint64(held::kTime, clock.to_trace(h.time));
  add(message, held::kProcess, index_to_trace(h.process));
  add(message, held::kSize, h.size);
  add(message, held::kBytes, h.bytes);
  add(message, held::kStack, index_to_trace(h.stack));
  add_enum(message, held::kEnd, h.end);
}

void get(std::string_view message, Held& h, const TraceClock& clock) {
  h.end = WalkEnd::kRoot;  // the value of an absent field
  for (FieldCursor f(message); f.next();) {
    switch (f.field()) {
      case held::kTime:
        h.time = clock.from_trace(f.number());
        break;
      case held::kProcess:
        h.process = f.index();
        break;
      case held::kSize:
        h.size = f.number();
        break;
      case held::kBytes:
        h.bytes = f.number();
        break;
      case held::kStack:
        h.stack = f.index();
        break;
      case held::kEnd:
        h.end = f.enumeration(WalkEnd::kNotWalked);
        break;
      default:
        break;
    }
  }
}

}  // namespace fdr::perfetto
