// The messages of our own in a trace (TracePacket fields 2000+), one pair of functions each, side by side so that they
// cannot drift apart: put() adds the record's fields to a message, get() reads them back. Indices are not checked here
// against any table: the reader does that. get() throws Damage.
#pragma once

#include <protozero/pbf_writer.hpp>
#include <string_view>

#include "formats/perfetto_cursor.hpp"
#include "formats/timeline.hpp"

namespace fdr::perfetto {

void put(protozero::pbf_writer& message, const Process& process, const TraceClock& clock);
void put(protozero::pbf_writer& message, const Thread& thread, const TraceClock& clock);
void put(protozero::pbf_writer& message, const DetailedCall& call, const TraceClock& clock);
void put(protozero::pbf_writer& message, const SyscallSummary& summary, const TraceClock& clock);
void put(protozero::pbf_writer& message, const ErrorCount& error, const TraceClock& clock);
void put(protozero::pbf_writer& message, const FailedSum& sum, const TraceClock& clock);
void put(protozero::pbf_writer& message, const Stall& stall, const TraceClock& clock);
void put(protozero::pbf_writer& message, const Growth& growth, const TraceClock& clock);
void put(protozero::pbf_writer& message, const LifeEvent& event, const TraceClock& clock);

void get(std::string_view message, Process& process, const TraceClock& clock);
void get(std::string_view message, Thread& thread, const TraceClock& clock);
void get(std::string_view message, DetailedCall& call, const TraceClock& clock);
void get(std::string_view message, SyscallSummary& summary, const TraceClock& clock);
void get(std::string_view message, ErrorCount& error, const TraceClock& clock);
void get(std::string_view message, FailedSum& sum, const TraceClock& clock);
void get(std::string_view message, Stall& stall, const TraceClock& clock);
void get(std::string_view message, Growth& growth, const TraceClock& clock);
void get(std::string_view message, LifeEvent& event, const TraceClock& clock);

}  // namespace fdr::perfetto
