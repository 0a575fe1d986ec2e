"""The facts the investigators of the real incidents needed (facts.toml), read strictly.

A fact that is never checked, or that no bundle could fail, would make the score a lie; so anything odd is an error that
names the fact: an unknown key, a second fact of the same id, an incident or variant that does not exist, a jq program
that does not compile, a condition that is always true, a regular expression that matches nothing at all.
"""

import dataclasses
import os
import re
import shlex
import subprocess
import sys
import tomllib

import jq

HERE = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FILE = os.path.join(HERE, "facts.toml")
PEERS = ("pt-stalk", "atop", "perf", "bpftrace")
ISSUES = (2, 4, 5, 6, 7, 8)
_KEYS = {"id": str, "know": str, "variant": str, "command": str, "value": str, "expect": str, "issue": int,
         "needs": list, "peers": dict}
_OPTIONAL = {"variant", "needs", "peers"}
# What a recorder may have or not: the rings of a manifest, and what has none of its own (fdr_side.py: _OF_BACKEND).
RECORDS = ("stacks", "stalls", "syscalls", "slow", "failed", "growth", "bystanders", "summary", "clock", "reclaim", "sends", "details")
# What the part shows is made of; the other commands look at everything, and their facts say themselves what they need.
_PART_NEEDS = {"stacks": "stacks", "stalls": "stalls", "calls": "syscalls", "slow": "slow", "failed": "failed", "growth": "growth",
               "memory": "growth", "syscalls": "summary", "errors": "summary"}
_COMMAND = re.compile(r"(report|show [a-z]\S*( --(pid|thread|from|to) \S+)*|diff --within)")


@dataclasses.dataclass(frozen=True)
class Fact:
    id: str            # incident.what-must-be-known, or incident.variant.what-must-be-known
    know: str          # one line for a human
    command: str       # what fdr is asked about the bundle
    value: str         # jq: what its answer says of it; null, nothing or an error: the bundle does not know
    expect: str        # jq condition on that value, with $truth and $config; false: the bundle is wrong
    issue: int         # which one should turn it green
    variant: str = ""  # of the reproduction; filled in with its first
    needs: tuple = ()  # of RECORDS: a recorder without them cannot know it
    peers: dict = dataclasses.field(default_factory=dict)  # {peer: expression that proves the same in its text}

    @property
    def incident(self):
        return self.id.split(".", 1)[0]


class BadFacts(Exception):
    """Every error of the file, one a line."""


def variants_of(incident, here=HERE):
    """The variants of its reproduction, the default first; () where there is no such incident."""
    script = os.path.join(here, incident, "reproduce")
    if not os.access(script, os.X_OK):
        return ()
    told = subprocess.run([sys.executable, "-B", script, "--help"], capture_output=True, text=True, timeout=30,
                          env={**os.environ, "COLUMNS": "1000"}, check=False).stdout
    match = re.search(r"--variant \{([^}]*)\}", told)
    return tuple(match[1].split(",")) if match else ()


def load(path=FILE, here=HERE):
    """All facts, in the order of the file; BadFacts with every error there is."""
    try:
        with open(path, "rb") as file:
            read = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise BadFacts(f"{path}: {error}") from error
    errors = [f"unknown key '{key}' at the top level; only [[fact]]" for key in read if key != "fact"]
    facts, variants = [], {}
    for number, entry in enumerate(read.get("fact", []), 1):
        who = entry.get("id") if isinstance(entry.get("id"), str) else f"fact number {number}"
        wrong = _wrong_keys(entry) or _wrong_values(entry)
        if not wrong:
            incident = entry["id"].split(".", 1)[0]
            if incident not in variants:
                variants[incident] = variants_of(incident, here)
            wrong = _wrong_variant(entry, incident, variants[incident])
        if not wrong and any(fact.id == entry["id"] for fact in facts):
            wrong = ["the id is used twice"]
        if wrong:
            errors += [f"{who}: {what}" for what in wrong]
            continue
        peers = {peer: re.compile(text, re.MULTILINE) for peer, text in entry.get("peers", {}).items()}
        facts.append(Fact(**{**entry, "variant": entry.get("variant", variants[incident][0]), "needs": _needs(entry), "peers": peers}))
    if errors:
        raise BadFacts("\n".join(f"{os.path.basename(path)}: {error}" for error in errors))
    return facts


def _needs(entry):
    words = entry["command"].split()
    part = _PART_NEEDS.get(words[1]) if words[0] == "show" else None
    return tuple(entry.get("needs", [part] if part else []))


def _wrong_keys(entry):
    wrong = [f"unknown key '{key}'" for key in entry if key not in _KEYS]
    wrong += [f"'{key}' is missing" for key in _KEYS if key not in entry and key not in _OPTIONAL]
    wrong += [f"'{key}' is no {kind.__name__}" for key, kind in _KEYS.items()
              if key in entry and (not isinstance(entry[key], kind) or isinstance(entry[key], bool))]
    return wrong


def _wrong_values(entry):
    wrong = []
    if not re.fullmatch(r"[a-z]+(\.[a-z]+)?\.[a-z0-9-]+", entry["id"]):
        wrong.append("the id is not of the form incident.what-must-be-known, or incident.variant.what-must-be-known")
    if not entry["know"].strip() or "\n" in entry["know"]:
        wrong.append("'know' is not one line")
    if not _COMMAND.fullmatch(entry["command"]):
        wrong.append(f"'{entry['command']}' is none of: report, show PART, diff --within")
    if entry["issue"] not in ISSUES:
        wrong.append(f"issue {entry['issue']} is none of {', '.join(map(str, ISSUES))}")
    wrong += [f"'{need}' is nothing that a recorder has or has not; there are: {', '.join(RECORDS)}"
              for need in entry.get("needs", []) if need not in RECORDS]
    always = jq.always(entry["expect"], entry["value"])
    if always:
        wrong.append("'expect' is true of whatever the bundle says")
    elif always is None:
        errors = {key: jq.compile_error(entry[key]) for key in ("value", "expect")}
        wrong += [f"'{key}' does not compile: {error}" for key, error in errors.items() if error] or ["jq refuses it"]
    for peer, text in entry.get("peers", {}).items():
        if peer not in PEERS:
            wrong.append(f"unknown peer '{peer}'; known: {', '.join(PEERS)}")
            continue
        try:
            if not isinstance(text, str) or re.compile(text, re.MULTILINE).search(""):
                wrong.append(f"the expression for {peer} is found in an empty text")
        except re.error as error:
            wrong.append(f"the expression for {peer} does not compile: {error}")
    return wrong


def _wrong_variant(entry, incident, variants):
    if not variants:
        return [f"there is no incident '{incident}' (no {incident}/reproduce that lists its variants)"]
    if entry.get("variant", variants[0]) not in variants:
        return [f"{incident} has no variant '{entry['variant']}'; there are: {', '.join(variants)}"]
    middle = entry["id"].split(".")[1:-1]
    if middle and middle[0] != entry.get("variant", variants[0]):
        return [f"the id speaks of variant '{middle[0]}', the fact is of '{entry.get('variant', variants[0])}'"]
    return []


def arguments(fact, bundle):
    """What follows `fdr` on the command line to ask this of a bundle."""
    words = shlex.split(fact.command)
    if words[0] == "diff":
        return ["diff", "--within", bundle, "--json"]
    return [words[0], bundle, *words[1:], "--json"]
