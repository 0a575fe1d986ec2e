// Field numbers of Perfetto's protobuf messages that the trace uses, by the names their .proto files give them, and of
// our own messages in the private range of TracePacket (2000..2099). FORMAT.md says what each private one means; a
// number, once released, never changes its meaning.
#pragma once

#include <cstdint>

namespace fdr::perfetto {

using Field = std::uint32_t;

// Raised only when an older reader could no longer read a trace rightly; new fields and messages do not raise it.
inline constexpr std::uint64_t kTraceVersion = 1;

namespace trace {
inline constexpr Field kPacket = 1;
}

namespace packet {  // TracePacket
inline constexpr Field kFtraceEvents = 1, kProcessTree = 2, kClockSnapshot = 6, kTimestamp = 8, kSequenceId = 10,
                       kTrackEvent = 11, kInternedData = 12, kSequenceFlags = 13, kSystemInfo = 45, kTrigger = 46,
                       kCompressedPackets = 50, kDefaults = 59, kTrackDescriptor = 60, kModuleSymbols = 61,
                       kPerfSample = 66;
// Ours.
inline constexpr Field kFdrHeader = 2000, kFdrProcess = 2001, kFdrThread = 2002, kFdrModule = 2003,
                       kFdrNamedFrames = 2004, kFdrMetric = 2005, kFdrSample = 2010, kFdrCalls = 2011, kFdrSlow = 2012,
                       kFdrFailed = 2013, kFdrSummary = 2014, kFdrError = 2015, kFdrStall = 2016, kFdrLife = 2017,
                       kFdrGrowth = 2018, kFdrFailing = 2019,
                       kFdrEnd = 2099;
}  // namespace packet

inline constexpr std::uint16_t kMaxCpus = 4096;  // trace_processor aborts on a cpu number from here on

inline constexpr std::uint32_t kStateCleared = 1;  // SequenceFlags
inline constexpr std::uint32_t kNeedsState = 2;

namespace clock_snapshot {
inline constexpr Field kClocks = 1, kPrimaryClock = 2;
inline constexpr Field kClockId = 1, kClockTimestamp = 2;                     // ClockSnapshot.Clock
inline constexpr std::uint32_t kRealtime = 1, kMonotonic = 3, kBoottime = 6;  // BuiltinClock
}  // namespace clock_snapshot

namespace system_info {
inline constexpr Field kUtsname = 1, kTracingVersion = 4, kNumCpus = 8;
inline constexpr Field kSysname = 1, kRelease = 3, kMachine = 4;  // Utsname
}  // namespace system_info

namespace process_tree {
inline constexpr Field kProcesses = 1, kThreads = 2;
inline constexpr Field kPid = 1, kParent = 2, kCmdline = 3, kStartFromBoot = 7;  // Process
inline constexpr Field kTid = 1, kTgid = 3, kName = 2;                           // Thread
}  // namespace process_tree

namespace ftrace {
inline constexpr Field kCpu = 1, kEvent = 2;                                       // FtraceEventBundle
inline constexpr Field kTimestamp = 1, kTid = 2, kSysEnter = 329, kSysExit = 330,  // FtraceEvent
    kProcessFree = 240;
inline constexpr Field kId = 1, kArgs = 2, kRet = 2;    // sys_enter, sys_exit
inline constexpr Field kComm = 1, kPid = 2, kPrio = 3;  // sched_process_free
}  // namespace ftrace

namespace perf_sample {
inline constexpr Field kCpu = 1, kPid = 2, kTid = 3, kCallstack = 4, kCpuMode = 5, kUnwindError = 16;
inline constexpr std::uint32_t kModeKernel = 1, kModeUser = 2;
inline constexpr std::uint32_t kMemoryInvalid = 2, kUnwindInfo = 3, kInvalidMap = 5,
                               kMaxFrames = 6,  // StackUnwindError
    kRepeatedFrame = 7;
inline constexpr Field kDefaults = 12;            // of TracePacketDefaults: PerfSampleDefaults
inline constexpr Field kTimebase = 1;             // of PerfSampleDefaults
inline constexpr Field kCounter = 4, kName = 10;  // of PerfEvents.Timebase
inline constexpr std::uint32_t kCpuClock = 1;     // PerfEvents.Counter SW_CPU_CLOCK
}  // namespace perf_sample

namespace interned {
inline constexpr Field kFunctionNames = 5, kFrames = 6, kCallstacks = 7, kBuildIds = 16, kMappingPaths = 17,
                       kMappings = 19;
inline constexpr Field kIid = 1;                                     // of every entry
inline constexpr Field kStr = 2;                                     // InternedString
inline constexpr Field kBuildId = 2, kPathStrings = 7;               // Mapping
inline constexpr Field kFunctionName = 2, kMapping = 3, kRelPc = 4;  // Frame
inline constexpr Field kFrameIds = 2;                                // Callstack
}  // namespace interned

namespace symbols {  // ModuleSymbols
inline constexpr Field kPath = 1, kBuildId = 2, kAddressSymbols = 3;
inline constexpr Field kAddress = 1, kLines = 2;              // AddressSymbols
inline constexpr Field kFunction = 1, kFile = 2, kLine = 3;  // Line
}  // namespace symbols

namespace trigger {
inline constexpr Field kName = 1, kProducer = 2;
}

namespace track {  // TrackDescriptor
inline constexpr Field kUuid = 1, kName = 2, kThread = 4, kParent = 5, kCounter = 8;
inline constexpr Field kPid = 1, kTid = 2;        // ThreadDescriptor
inline constexpr Field kUnit = 3, kUnitName = 6;  // CounterDescriptor
inline constexpr std::uint32_t kUnitUnspecified = 0, kUnitCount = 2, kUnitBytes = 3;
}  // namespace track

namespace event {  // TrackEvent
inline constexpr Field kAnnotations = 4, kType = 9, kTrack = 11, kCategories = 22, kName = 23, kDoubleValue = 44;
inline constexpr std::uint32_t kSliceBegin = 1, kSliceEnd = 2, kInstant = 3, kCounter = 4;
inline constexpr Field kAnnotationName = 10, kAnnotationString = 6;  // DebugAnnotation
}  // namespace event

// ---- our own messages ----

namespace header {  // 2000
inline constexpr Field kVersion = 1, kBegin = 2, kEnd = 3;
}
namespace process {  // 2001
inline constexpr Field kPid = 1, kParent = 2, kStartBoottime = 3, kName = 4, kExecutable = 5, kArgument = 6,
                       kStarted = 7, kEnded = 8, kWaitStatus = 9, kTarget = 10;
}
namespace thread {  // 2002
inline constexpr Field kTid = 1, kProcess = 2, kName = 3, kStarted = 4, kEnded = 5, kObserved = 6, kOnCpu = 7,
                       kInSyscalls = 8, kRunQueue = 9, kVoluntary = 10, kInvoluntary = 11, kSyscalls = 12;
}
namespace module {  // 2003
inline constexpr Field kKind = 1, kPath = 2;
}
namespace metric {  // 2005
inline constexpr Field kUnit = 1, kKind = 2;
}
namespace sample {  // 2010
inline constexpr Field kThread = 1, kEnd = 2, kStack = 3, kCpu = 4;
}
namespace calls {  // 2011
inline constexpr Field kFirst = 1, kPositions = 2, kThreads = 3, kCpuTimes = 4, kEarly = 5, kAbis = 6, kBegins = 7,
                       kWalls = 8, kNumbers = 9, kCpuIds = 10, kResults = 11, kArguments = 12;
}
namespace detailed {  // 2012, 2013
inline constexpr Field kBegin = 1, kWall = 2, kCpu = 3, kThread = 4, kNumber = 5, kAbi = 6, kCpuId = 7, kResult = 8,
                       kArgument = 9, kArguments = 10, kSubject = 11, kStack = 12, kEnd = 13;
}
namespace summary {  // 2014
inline constexpr Field kBegin = 1, kInterval = 2, kProcess = 3, kNumber = 4, kAbi = 5, kCalls = 6, kErrors = 7,
                       kWall = 8, kCpu = 9, kMax = 10, kHistogram = 11;
}
namespace error_count {  // 2015
inline constexpr Field kProcess = 1, kNumber = 2, kError = 3, kCount = 4;
}
namespace stall {  // 2016
inline constexpr Field kBegin = 1, kLength = 2, kRunQueue = 3, kThread = 4, kKind = 5, kOpen = 6, kSyscall = 7,
                       kStack = 8, kEnd = 9;
}
namespace life {  // 2017
inline constexpr Field kTime = 1, kKind = 2, kThread = 3, kText = 4, kValue = 5;
}
namespace growth {  // 2018
inline constexpr Field kTime = 1, kThread = 2, kKind = 3, kBytes = 4, kAddress = 5, kRegion = 6, kGivenBack = 7,
                       kStack = 8, kEnd = 9;
}
namespace failing {  // 2019
inline constexpr Field kProcess = 1, kPid = 2, kAncestor = 3, kOfTarget = 4, kNumber = 5, kAbi = 6, kError = 7,
                       kDirectory = 8, kExample = 9, kCalls = 10, kDistinct = 11, kFirst = 12, kLast = 13;
}
namespace trace_end {  // 2099
inline constexpr Field kRecords = 1;
}

}  // namespace fdr::perfetto
