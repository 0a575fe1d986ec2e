"""Chains of function and place for addresses of a file, as fdr has them and as others do, and how they differ."""

import collections
import random
import re
import subprocess

from support.scenario import check, program

Frame = collections.namedtuple("Frame", "function place")  # place: "file:line"


def addresses_in_code(path, count, seed=1):
    """Distinct addresses, uniform in .text, unsorted: hexadecimal, one a line. The start-up code that the linker adds
    is left out: its symbols have no size, so fdr does not use them, and there is no debug information."""
    listing = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    begin, size = re.search(r"\.text\s+PROGBITS\s+([0-9a-f]+)\s+[0-9a-f]+\s+([0-9a-f]+)", listing).groups()
    begin, size = int(begin, 16), int(size, 16)
    listing = subprocess.run(["readelf", "-sW", path], capture_output=True, text=True, check=True).stdout
    symbols = re.findall(r"^\s*\d+: ([0-9a-f]+)\s+(\S+) FUNC .* (\S+)$", listing, re.MULTILINE)
    startup = int(next(address for address, _, name in symbols if name == "deregister_tm_clones"), 16)
    behind = min(int(address, 16) for address, length, _ in symbols if int(address, 16) > startup and length != "0")
    code = [*range(begin, startup), *range(behind, begin + size)]
    chosen = random.Random(seed).sample(code, min(count, len(code)))
    return "".join(f"{address:#x}\n" for address in chosen)


def dwarf_bytes(path):
    """Of all .debug sections, as they lie in the file."""
    listing = subprocess.run(["readelf", "-SW", path], capture_output=True, text=True, check=True).stdout
    return sum(int(size, 16) for size in re.findall(r"\.debug_\w+\s+PROGBITS\s+\S+ \S+ (\S+)", listing))


def fdr_command(path):
    return [program("symbol_chains"), path]


def llvm_command(path):
    return ["llvm-symbolizer", f"--obj={path}", "--functions=linkage", "--inlines", "--demangle", "--addresses",
            "--output-style=GNU"]


def addr2line_command(path):
    return ["addr2line", "-a", "-f", "-i", "-C", "-e", path]


def eu_addr2line_command(path):
    return ["eu-addr2line", "-a", "-f", "-i", "-C", "-e", path]


def chains(command, addresses):
    """({address: [Frame], innermost first}, what it said on stderr)."""
    told = subprocess.run(command, input=addresses, capture_output=True, text=True, errors="replace", timeout=600)
    check(told.returncode == 0, f"{command[0]}: exit code {told.returncode}: {told.stderr}")
    found, function = {}, None
    for line in told.stdout.splitlines():
        if re.fullmatch(r"0x[0-9a-f]+", line):
            frames = found.setdefault(int(line, 16), [])
        elif not line:
            continue
        elif function is None:
            function = line
        else:
            # llvm and binutils add discriminators, elfutils columns and a line of its own of where it was inlined.
            place = re.sub(r":(\d+):\d+$", r":\1", re.sub(r" \(discriminator \d+\)$", "", line))
            frames.append(Frame(function.split(" inlined at ")[0], place))
            function = None
    return found, told.stderr


def difference(ours, theirs):
    """The class of what differs between two chains, or None. Names are compared apart: name_difference()."""
    if [frame.place for frame in ours] == [frame.place for frame in theirs]:
        return None
    if not ours or ours[-1].function == "??":
        return "only the other has a name"
    if not theirs or theirs[-1].function == "??":
        return "only fdr has a name"
    if len(ours) != len(theirs):
        return "depth"
    if ours[0].place != theirs[0].place and ours[1:] == theirs[1:]:
        return "line of the innermost"
    return "place of a call"


def _words(function):
    """The identifiers of a name. Two demanglers write lambdas, clones, parentheses and the return types of scopes each
    in their way, but name the same things."""
    function = re.sub(r" \[clone [^]]*\]| \(\.[\w.]+\)", "", function)
    words = {re.sub(r"^(lambda|unnamed)\d*$", r"\1", word) for word in re.findall(r"[A-Za-z_$]\w*", function)}
    return words - {"void", "bool", "char", "int", "long", "unsigned", "double", "const", "type"}


SPELLING = ("spelling", "the other cannot demangle it", "no linkage name in the DWARF")


def name_difference(ours, theirs):
    """The class of the first name that differs, or None. Chains of different depth have no names to compare."""
    kinds = []
    for mine, other in zip(ours, theirs):
        if mine.function == other.function or other.function == "??":
            continue
        if _words(mine.function) == _words(other.function):
            kinds.append(SPELLING[0])
        elif other.function.startswith("_Z"):
            kinds.append(SPELLING[1])
        elif "(" not in mine.function or "(" not in other.function:  # internal linkage: the symbol table has more
            kinds.append(SPELLING[2])
        else:
            return "another name"
    return kinds[-1] if kinds else None


def compare(ours, theirs):
    """(share of chains with equal depth and places, {class of difference: [addresses]}, {class: [addresses]} of
    names)."""
    differences, names = collections.defaultdict(list), collections.defaultdict(list)
    for address, frames in theirs.items():
        kind = difference(ours[address], frames)
        if kind:
            differences[kind].append(address)
        elif name_difference(ours[address], frames):
            names[name_difference(ours[address], frames)].append(address)
    equal = 1 - sum(map(len, differences.values())) / len(theirs)
    return equal, dict(differences), dict(names)


def counts(found):
    return ", ".join(f"{kind}: {len(addresses)}" for kind, addresses in found.items()) or "none"


def examples(found):
    return "; ".join(f"{kind}: {', '.join(map(hex, addresses[:5]))}" for kind, addresses in found.items())
