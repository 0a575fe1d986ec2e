#!/usr/bin/python3
"""Oracle: functions, inlined calls and places of addresses in C++ agree with llvm-symbolizer's, whoever compiled it, in
any form of DWARF; and where a part of the debug information is not there, that is said."""

import contextlib
import glob
import os

from support import symbol_chains, symbol_object
from support.scenario import Scenario, check, program

EQUAL = 0.999  # share of the addresses


def compare(name, path, count=2000):
    addresses = symbol_chains.addresses_in_code(path, count)
    ours, said = symbol_chains.chains(symbol_chains.fdr_command(path), addresses)
    theirs, _ = symbol_chains.chains(symbol_chains.llvm_command(path), addresses)
    equal, differences, names = symbol_chains.compare(ours, theirs)
    depth = sum(map(len, theirs.values())) / len(theirs)
    print(f"{name}: {len(theirs)} addresses, {depth:.1f} functions each, {equal:.2%} equal; differences "
          f"{symbol_chains.counts(differences)}, of names alone {symbol_chains.counts(names)}")
    check(len(ours) == len(theirs) >= count * 0.9, f"{name}: {len(ours)} and {len(theirs)} chains")
    check(depth >= 3, f"{name}: only {depth:.1f} functions an address: nothing is inlined")
    check(equal >= EQUAL, f"{name}: {equal:.3%} equal to llvm-symbolizer: {symbol_chains.examples(differences)}")
    for kind in names:
        check(kind in symbol_chains.SPELLING, f"{name}: {kind}: {symbol_chains.examples(names)}")
    return said


@contextlib.contextmanager
def moved_away(pattern):
    files = glob.glob(pattern)
    check(files, f"no {pattern}")
    for path in files:
        os.rename(path, path + ".away")
    try:
        yield
    finally:
        for path in files:
            os.rename(path + ".away", path)


def split(scenario):
    path = symbol_object.build(2, 1, flags=("-gsplit-dwarf",))
    said = compare("split DWARF", path)
    check("split" not in said, f"with all its files: {said}")
    with moved_away(os.path.join(os.path.dirname(path), "*.dwo")):
        addresses = symbol_chains.addresses_in_code(path, 500)
        ours, said = symbol_chains.chains(symbol_chains.fdr_command(path), addresses)
        check("split DWARF, 2 of its files not here" in said, f"without its .dwo files: {said}")
        check(".dwo" in said, f"which file is missing is not said: {said}")
        named = sum(frames[-1].function != "??" for frames in ours.values()) / len(ours)
        check(named > 0.95, f"without its .dwo files only {named:.0%} have a name, of the symbols")


with Scenario(__file__) as scenario:
    scenario.need("llvm-symbolizer", "g++", "clang++")
    program("symbol_chains")
    path = symbol_object.build(4, 2)
    check(symbol_chains.dwarf_bytes(path) > 4e6, f"{path} has only {symbol_chains.dwarf_bytes(path)} bytes of DWARF")
    compare("g++, DWARF 5", path, 10000)
    compare("g++, DWARF 4", symbol_object.build(2, 1, flags=("-gdwarf-4",)))
    compare("g++, compressed sections", symbol_object.build(2, 1, flags=("-gz",)))
    compare("clang, DWARF 5, no .debug_aranges", symbol_object.build(2, 1, compiler="clang++", flags=("-gdwarf-5",)))
    compare("clang, DWARF 4, no .debug_aranges", symbol_object.build(2, 1, compiler="clang++", flags=("-gdwarf-4",)))
    split(scenario)
