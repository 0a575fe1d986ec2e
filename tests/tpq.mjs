// Runs SQL on a Perfetto trace in trace_processor, compiled to wasm. Started by tpq, which provides the wasm and the script that
// loads it: the web worker of Perfetto's UI. Here the worker's surroundings are played, its message port is ours, and its
// protocol (TraceProcessorRpc of protos/perfetto/trace_processor/trace_processor.proto) is spoken directly.
import fs from 'node:fs';
import path from 'node:path';
import vm from 'node:vm';

const directory = process.env.FDR_TRACE_PROCESSOR;
const rpc = {stream: 1, method: 2, fatal: 5, appendData: 101, queryArgs: 103, appendResult: 201, queryResult: 203, finalizeResult: 212};
const methods = {append: 1, finalize: 2, query: 3};

// ---- protobuf, as much as is needed ----

function varint(value) {
  const bytes = [];
  for (let rest = BigInt.asUintN(64, BigInt(value)); ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}
const number = (field, value) => Buffer.concat([varint(field << 3), varint(value)]);
const blob = (field, bytes) => Buffer.concat([varint((field << 3) | 2), varint(bytes.length), bytes]);

class Bytes {
  constructor(buffer) {
    this.buffer = buffer;
    this.at = 0;
  }
  get more() {
    return this.at < this.buffer.length;
  }
  varint() {
    for (let value = 0n, shift = 0n; ; shift += 7n) {
      const byte = this.buffer[this.at++];
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }
  take(length) {
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }
}

function* fields(buffer) {
  const bytes = new Bytes(buffer);
  while (bytes.more) {
    const tag = Number(bytes.varint());
    const field = tag >>> 3;
    switch (tag & 7) {
      case 0: yield [field, bytes.varint()]; break;
      case 1: yield [field, bytes.take(8)]; break;
      case 2: yield [field, bytes.take(Number(bytes.varint()))]; break;
      case 5: yield [field, bytes.take(4)]; break;
      default: throw new Error(`wire type ${tag & 7}`);
    }
  }
}
function* all(buffer, wanted) {
  for (const [field, value] of fields(buffer)) if (field === wanted) yield value;
}
// A packed list, or one element of an unpacked one.
function packedVarints(value) {
  if (typeof value === 'bigint') return [value];
  const list = [];
  for (const bytes = new Bytes(value); bytes.more;) list.push(bytes.varint());
  return list;
}

// ---- the engine ----

function patched(source, from, to) {
  if (!source.includes(from)) throw new Error(`the engine has no "${from}"`);
  return source.replace(from, to);
}

async function startEngine() {
  globalThis.self = globalThis;
  globalThis.WorkerGlobalScope = function WorkerGlobalScope() {};
  globalThis.location = {href: `file://${directory}/`};
  globalThis.fdrWasm = fs.readFileSync(path.join(directory, 'trace_processor.wasm'));
  console.warn = () => {};  // its log
  let source = fs.readFileSync(path.join(directory, 'engine_bundle.node.js'), 'utf8');
  source = patched(source, 'this.useMemory64 = hasMemory64Support();', 'this.useMemory64 = false;');
  source = patched(source, 'locateFile: (s) => s,', 'locateFile: (s) => s, wasmBinary: self.fdrWasm,');
  source = patched(source, 'const wasmBridge = new', 'const wasmBridge = self.fdrBridge = new');
  vm.runInThisContext(source);
  const deadline = Date.now() + 60_000;
  while (!globalThis.fdrBridge.reqBufferAddr) {
    if (Date.now() > deadline) throw new Error('the engine does not start');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

class TraceProcessor {
  constructor() {
    this.sequence = 0;
    this.answers = [];
    this.port = {postMessage: (data) => this.answers.push(Buffer.from(data))};
    globalThis.self.onmessage({data: this.port});
  }

  // The answers to one request; the engine answers before it returns.
  call(method, ...parts) {
    this.answers = [];
    const request = Buffer.concat([number(1, this.sequence++), number(rpc.method, method), ...parts]);
    this.port.onmessage({data: new Uint8Array(blob(rpc.stream, request))});
    const answers = [...all(Buffer.concat(this.answers), rpc.stream)];
    for (const answer of answers) for (const fatal of all(answer, rpc.fatal)) throw new Error(fatal.toString());
    return answers;
  }
  static check(answers, result, errorField) {
    for (const answer of answers)
      for (const message of all(answer, result)) for (const error of all(message, errorField)) throw new Error(error.toString());
  }

  load(trace) {
    const piece = 32 << 20;
    for (let at = 0; at < trace.length; at += piece)
      TraceProcessor.check(this.call(methods.append, blob(rpc.appendData, trace.subarray(at, at + piece))), rpc.appendResult, 2);
    TraceProcessor.check(this.call(methods.finalize), rpc.finalizeResult, 1);
  }

  query(sql) {
    const columns = [];
    const cells = [];
    for (const answer of this.call(methods.query, blob(rpc.queryArgs, blob(1, Buffer.from(sql)))))
      for (const result of all(answer, rpc.queryResult))
        for (const [field, value] of fields(result)) {
          if (field === 1) columns.push(value.toString());
          if (field === 2) throw new Error(value.toString());
          if (field === 3) cells.push(...batchCells(value));
        }
    const rows = [];
    for (let at = 0; at < cells.length; at += columns.length) rows.push(cells.slice(at, at + columns.length));
    return {columns, rows};
  }
}

// A batch holds the kinds of its cells, and the values of each kind in a list of their own.
function batchCells(batch) {
  const kinds = [], integers = [], reals = [], blobs = [];
  let strings = [];
  for (const [field, value] of fields(batch)) {
    if (field === 1) kinds.push(...packedVarints(value).map(Number));
    if (field === 2) integers.push(...packedVarints(value).map((bits) => BigInt.asIntN(64, bits)));
    if (field === 3) for (let at = 0; at + 8 <= value.length; at += 8) reals.push(value.readDoubleLE(at));
    if (field === 4) blobs.push(value.toString('hex'));
    if (field === 5) strings = value.toString().split('\0');
  }
  const lists = {2: integers, 3: reals, 4: strings, 5: blobs};
  const next = {2: 0, 3: 0, 4: 0, 5: 0};
  return kinds.map((kind) => (kind === 1 ? 'NULL' : String(lists[kind][next[kind]++])));
}

// ---- the command ----

const [trace, flag, argument] = process.argv.slice(2);
const statements = flag === '-q' ? [argument]
    : flag === '-f' ? fs.readFileSync(argument, 'utf8').split(/;\s*\n/).filter((text) => text.trim())
    : null;
if (!statements) {
  console.error("usage: tpq TRACE -q 'SQL' | -f FILE.sql");
  process.exit(2);
}
try {
  const bytes = fs.readFileSync(trace);
  await startEngine();
  const processor = new TraceProcessor();
  processor.load(bytes);
  const lines = [];
  for (const sql of statements) {
    const {columns, rows} = processor.query(sql);
    if (columns.length) lines.push(columns.join('\t'), ...rows.map((row) => row.join('\t')));
  }
  process.stdout.write(lines.map((line) => line + '\n').join(''), () => process.exit(0));
} catch (error) {
  console.error(`tpq: error: ${error.message.split('\n').slice(0, 20).join('\n')}`);
  process.exit(1);
}
