"""The scoreboard on a terminal: good at 80 columns, with the facts in words from 120 on. Colours only where they are
wanted."""

import os
import shutil
import sys

from facts import PEERS
from scoring import KNOWN, MISSING, WRONG

_COLOUR = {KNOWN: "32", WRONG: "31", MISSING: "33", "dim": "2", "bold": "1"}
_WORDS_FROM = 120   # columns
_LAST = 160         # wider is not easier to read


class Board:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.columns = min(_LAST, max(60, shutil.get_terminal_size((80, 24)).columns))
        self.coloured = out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def _paint(self, text, colour):
        return f"\033[{_COLOUR[colour]}m{text}\033[0m" if self.coloured else text

    def _line(self, text=""):
        print(text.rstrip(), file=self.out, flush=True)

    def _wrapped(self, first, words, indent=4):
        """Words after one another, on as many lines as it takes."""
        line = first
        for word in words:
            if len(line) + 1 + len(word) > self.columns and line.strip():
                self._line(line)
                line = " " * indent + word
            else:
                line += (" " if line else "") + word
        self._line(line)

    def _listed(self, first, parts):
        self._wrapped(first, [part + "," * (part is not parts[-1]) for part in parts])

    def run(self, run):
        """One incident: what happened, then a row for each fact, then what it comes to."""
        peers = [peer for peer in PEERS if any(peer in row.peers for row in run.verdicts)]
        self._line(self._paint(f"{run.incident} {run.variant}", "bold"))
        if run.again:
            self._wrapped("  second attempt; the first:", run.again.split())
        if run.failure:
            self._wrapped("  FAILED:", run.failure.split())
        for bundle in run.bundles:
            how = "no rule fired, asked for" if bundle.asked else bundle.rule
            self._wrapped("  bundle:", f"{how}, {bundle.realtime - run.began:.1f} s into the trouble".split())
        for bundle in run.early:
            early = f"{bundle.rule}, {run.began - bundle.realtime:.1f} s before the trouble"
            self._wrapped("  false alarm:", early.split())
        for cut in run.cuts:
            self._wrapped("  not armed:", str(cut).split())
        if run.absent:
            self._wrapped("  not installed:", run.absent)
        self._facts(run, peers)
        self._line("  " + summary(run.count(KNOWN), len(run.verdicts), run.count(WRONG), run.count(MISSING)))
        if run.by_issue():
            self._listed("  not known:", [f"{count} for #{issue}" for issue, count in run.by_issue().items()])
        self._peers(peers, run.of_peer)
        self._line()

    def _facts(self, run, peers):
        tail = 2 + 7 + 2 + 5 + sum(2 + len(peer) for peer in peers)
        room = self.columns - 2 - tail
        ids = [row.fact.id.split(".", 1)[1] for row in run.verdicts]
        id_width = min(max(map(len, [*ids, "fact"]), default=4), room)
        know_width = room - id_width - 2 if self.columns >= _WORDS_FROM else 0
        know_width = min(know_width, max((len(row.fact.know) for row in run.verdicts), default=0))

        def line(name, know, verdict, issue, cells):
            text = "  " + _cut(name, id_width)
            if know_width:
                text += "  " + _cut(know, know_width)
            text += "  " + (self._paint(verdict.ljust(7), verdict) if verdict in _COLOUR else verdict.ljust(7))
            return text + "  " + issue.rjust(5) + "".join("  " + cell for cell in cells)

        self._line(self._paint(line("fact", "what must be known", "fdr", "issue", peers), "dim"))
        for name, row in zip(ids, run.verdicts):
            cells = [{True: "yes", False: "-", None: ""}[row.peers.get(peer)].ljust(len(peer)) for peer in peers]
            issue = "" if row.verdict == KNOWN else f"#{row.fact.issue}"
            self._line(line(name, row.fact.know, row.verdict, issue, cells))

    def _peers(self, peers, of_peer):
        if peers:
            self._listed("  of those it could know:", ["{} {} of {}".format(peer, *of_peer(peer)) for peer in peers])

    def total(self, runs):
        """One line an incident, and all together."""
        self._line(self._paint("in all", "bold"))
        width = max(len(f"{run.incident} {run.variant}") for run in runs)
        for run in runs:
            counts = (run.count(KNOWN), len(run.verdicts), run.count(WRONG), run.count(MISSING))
            what = "FAILED" if run.failure else summary(*counts)
            self._line(f"  {f'{run.incident} {run.variant}'.ljust(width)}  {what}")
        counts = [sum(run.count(verdict) for run in runs) for verdict in (KNOWN, WRONG, MISSING)]
        self._line(f"  {'all'.ljust(width)}  {summary(counts[0], sum(counts), *counts[1:])}")
        issues = {}
        for run in runs:
            for issue, count in run.by_issue().items():
                issues[issue] = issues.get(issue, 0) + count
        if issues:
            self._listed("  not known:", [f"{count} for #{issue}" for issue, count in sorted(issues.items())])
        peers = [peer for peer in PEERS if any(run.of_peer(peer)[1] for run in runs)]
        self._peers(peers, lambda peer: tuple(map(sum, zip(*(run.of_peer(peer) for run in runs)))))


def summary(known, of, wrong, missing):
    return f"fdr knows {known} of {of}, {wrong} wrong, {missing} missing"


def _cut(text, width):
    return text.ljust(width) if len(text) <= width else text[:max(0, width - 2)] + ".."
