"""The operator's configuration, cut down to what this fdr accepts.

config.toml of an incident asks for everything the design promises. `fdr check` names the first thing it does not know,
with line and column; that entry is cut out of the text and fdr is asked again, until it agrees. What was cut is part of
the score: a rule that could not be armed cannot have caught anything.
"""

import dataclasses
import json
import re
import subprocess
import tomllib

_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.-]+)\s*\]\]?\s*(#.*)?$")


class Refused(Exception):
    """No part of it can be armed. Says why."""


@dataclasses.dataclass(frozen=True)
class Cut:
    what: str  # "trigger rss-growth", "key window.profile"
    name: str  # of the rule, collector, ...; "" for a key
    why: str   # fdr's own words

    def __str__(self):
        return f"{self.what}: {self.why}"


def accepted(fdr, source, target):
    """Writes to `target` what fdr accepts of `source`; returns the cuts."""
    with open(source, encoding="utf-8") as file:
        text = file.read()
    cuts = []
    while True:
        with open(target, "w", encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run([fdr, "check", target], capture_output=True, text=True, timeout=30, check=False)
        if run.returncode == 0:
            return cuts
        match = re.search(re.escape(target) + r":(\d+):(\d+): (.*)", run.stderr)
        if not match:
            raise Refused(run.stderr.strip().removeprefix("fdr: error: "))
        text, cut = without(text, int(match[1]), int(match[2]), match[3].strip())
        cuts.append(cut)


def targets_alone(text):
    """What somebody writes who leaves the rules to fdr: whom to watch, and nothing else."""
    lines = ["default_rules = true"]
    for target in tomllib.loads(text)["target"]:
        match = ", ".join(f"{key} = {json.dumps(value)}" for key, value in target["match"].items())
        lines += ["", "[[target]]", f"name = {json.dumps(target['name'])}", f"match = {{ {match} }}"]
    return _join(lines)


def without(text, line, column, why):
    """(the text without the smallest thing that makes sense at this place, the Cut)"""
    lines = text.splitlines()
    begin, end, name, is_array = _section(lines, line - 1)
    if is_array and name != "target":
        entry = tomllib.loads("\n".join(lines[begin:end]))[name][0]
        named = str(entry.get("name", f"in line {begin + 1}"))
        return _join(lines[:begin] + lines[end:]), Cut(f"{name} {named}", named, why)
    if begin == line - 1 and name and not is_array:
        return _join(lines[:begin] + lines[end:]), Cut(f"table {name}", "", why)
    if begin == line - 1 and is_array:
        raise Refused(why)  # a target as a whole
    for begin_key, end_key, replacement in _key_cuts(lines, line - 1, column - 1, end):
        shorter = _join(lines[:begin_key] + replacement + lines[end_key:])
        try:
            tomllib.loads(shorter)
        except tomllib.TOMLDecodeError:
            continue
        gone = lines[line - 1].strip() if not replacement else lines[line - 1][column - 1:].split(",")[0].strip(" }")
        return shorter, Cut(f"key {name + ': ' if name else ''}{gone.split('#')[0].strip()}", "", why)
    raise Refused(why)


def _join(lines):
    return "\n".join(lines) + "\n"


def _section(lines, at):
    """(first line, line after the last, name, is it one of an array) of the table around this line; sub-tables belong
    to it."""
    begin, name, is_array = 0, "", False
    for number in range(at, -1, -1):
        match = _HEADER.match(lines[number])
        if match and (match[1] == "[[" or "." not in match[2]):
            begin, name, is_array = number, match[2], match[1] == "[["
            break
    for end in range(begin + 1 if name else begin, len(lines)):
        match = _HEADER.match(lines[end])
        if match and not match[2].startswith(name + ".") and end > at:
            return begin, end, name, is_array
    return begin, len(lines), name, is_array


def _key_cuts(lines, at, column, end):
    """Ways to cut a key: one entry of an inline table, this line, this line and those a value goes on over."""
    pieces = _inline_pieces(lines[at])
    if len(pieces) > 1:
        inside = [piece for piece in pieces if not piece[0] <= column < piece[1]]
        if len(inside) == len(pieces) - 1:
            text = lines[at]
            kept = ", ".join(text[first:last].strip() for first, last in inside)
            yield at, at + 1, [text[:pieces[0][0]] + " " + kept + " " + text[pieces[-1][1]:]]
    for last in range(at + 1, end + 1):
        yield at, last, []


def _inline_pieces(line):
    """(begin, end) of each `key = value` of the line's inline table."""
    pieces, depth, quote, begin = [], 0, "", 0
    for position, letter in enumerate(line):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter in "{[":
            depth += 1
            if depth == 1:
                if letter == "[":
                    return []
                begin = position + 1
        elif letter in "}]":
            depth -= 1
            if depth == 0:
                return [*pieces, (begin, position)]
        elif letter == "," and depth == 1:
            pieces.append((begin, position))
            begin = position + 1
        elif letter == "#" and depth == 0:
            return []
    return []
