#!/usr/bin/python3
"""`fdr verify`, `fdr pack` and `fdr pack --redact`: a pack is read as its bundle is; a redacted one holds none of the names that were
planted in a live target, in any byte after decompression; a zip made to harm is refused with one line.

The host's name and the addresses are of namespaces of the test's own.
"""

import ctypes
import json
import os
import re
import signal
import socket
import stat
import time
import zipfile
import zlib

from support.recorder import Recorder
from support.scenario import Scenario, Skip, check, equal, wait_for

CLONE_NEWUTS, CLONE_NEWNET = 0x04000000, 0x40000000
HOST, USER, IPV4, IPV6, MAC = "canaryhost7.example.org", "canaryuser7", "203.0.113.77", "2001:db8:77::c5", "52:54:00:ca:7a:77"
TOKEN, ENVIRONMENT, FOLDER, THREAD, SYMBOL, LOG = "canarytoken7", "canaryenv7", "canarypath7", "canarythread7", "canary_symbol7", "canarylog7"
TARGET = r"""
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>
static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }
static int numbers[20000];
__attribute__((noinline)) void SYMBOL(void) {
  for (int i = 0; i < 20000; i++) numbers[i] = (i * 7919) % 20011;
  qsort(numbers, 20000, sizeof *numbers, compare);
}
int main(int argc, char **argv) {
  prctl(PR_SET_NAME, "THREAD");
  struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(7777)};
  struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(7777)};
  inet_pton(AF_INET, "IPV4", &v4.sin_addr);
  inet_pton(AF_INET6, "IPV6", &v6.sin6_addr);
  if (bind(socket(AF_INET, SOCK_DGRAM, 0), (void *)&v4, sizeof v4)) return 1;
  if (bind(socket(AF_INET6, SOCK_DGRAM, 0), (void *)&v6, sizeof v6)) return 2;
  puts("ready");
  fflush(stdout);
  for (;;) {
    SYMBOL();
    if (open(argv[1], O_RDONLY) >= 0) return 3;
    usleep(2000);
  }
}
"""


def canaries():
    return {"host": HOST, "user": USER, "IPv4": IPV4, "IPv6": IPV6, "MAC": MAC, "token": TOKEN, "environment": ENVIRONMENT,
            "path": FOLDER, "thread": THREAD, "symbol": SYMBOL, "log": LOG}


def inflate_trace(data):
    """The packets of a Perfetto trace: field 1 of the file, field 50 of a packet zlib."""
    def varint(at):
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value, at
    out, at = b"", 0
    while at < len(data):
        _, at = varint(at)
        size, at = varint(at)
        end = at + size
        key, inner = varint(at)
        if key == 50 << 3 | 2:
            _, inner = varint(inner)
            out += zlib.decompress(data[inner:end])
        else:
            out += data[at:end]
        at = end
    return out


def contents(path):
    with zipfile.ZipFile(path) as pack:
        return {name: inflate_trace(pack.read(name)) if name.endswith(".pftrace") else pack.read(name) for name in pack.namelist()}


def found_in(files):
    return {what: sorted(name for name, data in files.items() if canary.encode() in data) for what, canary in canaries().items()
            if any(canary.encode() in data for data in files.values())}


def hostile(scenario, name, change):
    path = scenario.path(name + ".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
        change(pack)
    return path


def link(pack):
    member = zipfile.ZipInfo("fdr-pack/bundle.fdr/manifest.json")
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    pack.writestr(member, "/etc/passwd")


def declares_much(scenario):
    """A member of a kilobyte that says that it is ten gigabytes: with the zip64 fields that such a size takes."""
    path = scenario.path("declares.zip")
    with zipfile.ZipFile(path, "w") as pack:
        with pack.open("fdr-pack/bundle.fdr/trace.pftrace", "w", force_zip64=True) as member:
            member.write(b"x" * 1000)
        pack.infolist()[0].file_size = 10 << 30
    return path


def check_hostile(scenario):
    bad = [hostile(scenario, "dotdot", lambda pack: pack.writestr("../x", "a")),
           hostile(scenario, "absolute", lambda pack: pack.writestr("/etc/x", "a")),
           hostile(scenario, "link", link),
           hostile(scenario, "bomb", lambda pack: pack.writestr("fdr-pack/bundle.fdr/trace.pftrace", bytes(100 << 20))),
           hostile(scenario, "other", lambda pack: pack.writestr("fdr-pack/elsewhere/x", "a")),
           declares_much(scenario)]
    for path in bad:
        result = scenario.fdr("report", path, code=1)
        check(re.fullmatch(r"fdr: error: .* is (refused: .*|not a zip that fdr pack wrote)\n", result.stderr), f"{os.path.basename(path)}: {result.stderr!r}")
    equal(os.listdir(os.environ["TMPDIR"]), [], "what is left of refused zips")


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("cc", "ip")
    os.environ["TMPDIR"] = scenario.path("tmp")
    os.mkdir(os.environ["TMPDIR"])
    check_hostile(scenario)

    if ctypes.CDLL(None).unshare(CLONE_NEWUTS | CLONE_NEWNET) != 0:
        raise Skip("no namespaces of one's own here")
    socket.sethostname(HOST)
    for command in (["link", "set", "lo", "up"], ["addr", "add", IPV4 + "/32", "dev", "lo"], ["addr", "add", IPV6 + "/128", "dev", "lo", "nodad"]):
        equal(scenario.run(["ip", *command]).returncode, 0, f"exit code of ip {command}")
    with open("/dev/kmsg", "w", encoding="ascii") as log:
        log.write(f"fdr test: {LOG}\n")

    folder = scenario.path(FOLDER)
    os.mkdir(folder)
    source = TARGET
    for word, canary in (("SYMBOL", SYMBOL), ("THREAD", THREAD), ("IPV4", IPV4), ("IPV6", IPV6)):
        source = source.replace(word, canary)
    with open(scenario.path("target.c"), "w", encoding="ascii") as file:
        file.write(source)
    program = os.path.join(folder, "target7")
    built = scenario.run(["cc", "-O1", "-g", "-fno-inline", "-o", program, scenario.path("target.c")])
    equal(built.returncode, 0, f"exit code of cc ({built.stderr})")
    target = scenario.spawn([program, os.path.join(folder, "absent7"), "--password", TOKEN, USER, MAC], name="target",
                            env={**os.environ, "SECRET": ENVIRONMENT})
    wait_for("the target at work", lambda: "ready" in scenario.read("target.stdout") or target.poll() is not None)
    equal(target.poll(), None, "exit code of the target")
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "1s", "--when", "process.cpu.total > 1% for 1s", target.pid)
    scenario.spawn(["sleep", "30"])  # a bystander whose name is a part of clock_nanosleep, which is no secret
    bundle = recorder.next_bundle("the target's CPU time")
    recorder.stop()
    target.send_signal(signal.SIGTERM)

    # verify: whole, then one byte changed.
    verified = json.loads(scenario.fdr("verify", bundle.path, "--json").stdout)
    check(verified["ok"] and verified["format"] == 1, f"verify: {verified}")
    check(verified["grade"]["word"] in ("complete", "reduced", "poor"), f"grade: {verified['grade']}")

    # The open pack: all of the bundle, every reading command takes it.
    zip_path = scenario.path("open.zip")
    signature = scenario.fdr("pack", bundle.path, "-o", zip_path, "--case", "4711", "--note", "a word").stdout
    equal(stat.S_IMODE(os.stat(zip_path).st_mode), 0o600, "mode of the pack")
    plain = contents(zip_path)
    for name in ("README.txt", "report.html", "vendor.json", "signature.txt", "pack.json", "bundle.fdr/manifest.json"):
        check("fdr-pack/" + name in plain, f"no {name} in the pack: {sorted(plain)[:10]}")
    equal(plain["fdr-pack/signature.txt"].decode(), signature, "signature in the pack and on stdout")
    equal(json.loads(plain["fdr-pack/pack.json"])["case"], "4711", "the case")
    facts = json.loads(plain["fdr-pack/vendor.json"])
    check(all(("value" in fact) != ("reason" in fact) for fact in facts.values()), f"facts without a value or a reason: {facts}")
    check("value" in facts["distribution"], f"distribution: {facts['distribution']}")
    planted = found_in(plain)
    equal(sorted(planted), sorted(set(canaries()) - {"environment"}), "canaries in the open pack")
    texts = [scenario.fdr("report", path).stdout.replace(path, "BUNDLE") for path in (zip_path, bundle.path)]
    check(texts[0] == texts[1], "the reports of pack and bundle differ")
    for command in (["show", zip_path, "stacks"], ["diff", "--within", "--onset", "-0.5", zip_path], ["export", zip_path, "--format", "folded"], ["verify", zip_path]):
        scenario.fdr(*command)
    equal(os.listdir(os.environ["TMPDIR"]), [], "what is left of extracted packs")
    check("exists" in scenario.fdr("pack", bundle.path, "-o", zip_path, code=1).stderr, "a pack is written over another")

    # The redacted pack: first what would leave, then twice with one key.
    preview = scenario.fdr("pack", bundle.path, "--redact", "--preview").stdout
    check("pseudonyms" in preview and "process/..." in preview, f"preview: {preview}")
    key = scenario.path("key")
    with open(key, "w", encoding="ascii") as file:
        file.write("0123456789abcdef0123456789abcdef")
    begun = time.monotonic()
    redacted = [scenario.path(f"redacted{i}.zip") for i in range(2)]
    for path in redacted:
        result = scenario.fdr("pack", bundle.path, "--redact", "--key", key, "-o", path)
    print(f"packs: redacting {sum(map(len, plain.values())) >> 10} KB took {(time.monotonic() - begun) / 2:.2f} s; {result.stderr.splitlines()[-1]}")
    files = contents(redacted[0])
    equal(found_in(files), {}, "canaries in the redacted pack")
    equal(files, contents(redacted[1]), "two packs with the same key")
    check(not any("process/" in name or "collect/" in name or "kmsg" in name or "doctor.json" in name for name in files), f"text in the redacted pack: {sorted(files)}")
    with open(redacted[0] + ".map.json", encoding="utf-8") as file:
        names = json.load(file)["names"]
    equal(stat.S_IMODE(os.stat(redacted[0] + ".map.json").st_mode), 0o600, "mode of the map")
    for kind, canary in (("host", HOST), ("thread", THREAD), ("path", FOLDER), ("arg", TOKEN), ("fn", SYMBOL), ("address", IPV4), ("address", IPV6)):
        check(canary in names[kind].values(), f"{canary} is not in the map: {sorted(names[kind].values())[:20]}")

    # Text where it is allowed: its words, without any of the names.
    with_text = scenario.path("text.zip")
    scenario.fdr("pack", bundle.path, "--redact", "--with-text", "-o", with_text)
    texts = contents(with_text)
    equal(found_in(texts), {}, "canaries in the redacted pack with text")
    kernel_log = texts.get("fdr-pack/bundle.fdr/system/at/kernel_log", b"").decode()
    check(" test: text-" in kernel_log, f"the kernel's log of the pack with text: {kernel_log[-400:]}")
    check(json.loads(scenario.fdr("verify", with_text, "--json").stdout)["ok"], "the redacted pack with text does not verify")
    check("--redact" in scenario.fdr("pack", bundle.path, "--with-text", "-o", scenario.path("no.zip"), code=1).stderr, "--with-text alone is no error")

    # It still tells what happened.
    check(json.loads(scenario.fdr("verify", redacted[0], "--json").stdout)["ok"], "the redacted pack does not verify")
    was, told = bundle.report(), json.loads(scenario.fdr("report", redacted[0], "--json").stdout)
    equal(told["trigger"]["name"], was["trigger"]["name"], "the rule in the redacted pack")
    equal(told["trigger"]["when"], was["trigger"]["when"], "its condition")
    equal({finding["id"] for finding in told["findings"]}, {finding["id"] for finding in was["findings"]}, "theories judged")
    equal(json.loads(files["fdr-pack/bundle.fdr/manifest.json"])["rings"].keys(), bundle.manifest["rings"].keys(), "rings: which are there decides what can be judged")
    check(any(finding["verdict"] != "not-measurable" for finding in told["findings"]), "nothing can be judged in the redacted pack")
    folded = scenario.fdr("export", redacted[0], "--format", "folded").stdout
    check("msort_with_tmp" in folded or "qsort" in folded, f"no function of the C library: {folded[:400]}")
    check(next(iter(p for p, original in names["fn"].items() if original == SYMBOL)) in folded, "no pseudonym of the target's function")
    equal(sum(int(line.rpartition(" ")[2]) for line in folded.splitlines()), sum(row["samples"] for row in bundle.show("stacks")), "samples")
    scenario.fdr("diff", "--onset", "-0.5", zip_path, redacted[0])
    kept = scenario.path("kept.zip")
    scenario.fdr("pack", bundle.path, "--redact", "--keep-symbols-of", "target7", "-o", kept)
    check(SYMBOL in scenario.fdr("export", kept, "--format", "folded").stdout, "--keep-symbols-of does not keep them")
    equal(os.listdir(os.environ["TMPDIR"]), [], "what is left of packing")
