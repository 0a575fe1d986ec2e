"""A page in Prometheus' text format, read as strictly as its documentation says (exposition format 0.0.4), and as node_exporter's textfile
collector wants it: no timestamps, HELP and TYPE before the series of a metric and once, the series of one metric together, none twice."""

import re

from support.scenario import Failure, check

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\n]|\\\\|\\"|\\n)*)"'
_SERIES = re.compile(rf"({_NAME})(?:\{{({_LABEL}(?:,{_LABEL})*)\}})? ([-+]?(?:[0-9.]+(?:e[-+]?[0-9]+)?|Inf|NaN))")


class Exposition:
    def __init__(self, text):
        self.series, self.types, helps, done, current = {}, {}, set(), set(), None
        check(text.endswith("\n"), "the page does not end with a line's end")
        for line in text.splitlines():
            head = re.fullmatch(rf"# (HELP|TYPE) ({_NAME}) (.*)", line)
            if head:
                kind, name, rest = head.groups()
                check(name not in done and (kind == "HELP") == (name not in helps), f"out of order: {line!r}")
                if kind == "HELP":
                    helps.add(name)
                else:
                    check(rest in ("gauge", "counter") and name not in self.types, f"type: {line!r}")
                    self.types[name] = rest
                if current not in (None, name):
                    done.add(current)
                current = name
                continue
            match = _SERIES.fullmatch(line)
            check(match, f"no series: {line!r}")
            name = match[1]
            check(name == current and name in self.types, f"a series apart from its HELP and TYPE: {line!r}")
            check((self.types[name] == "counter") == name.endswith("_total"), f"name and type: {line!r}")
            labels = tuple(sorted(re.findall(_LABEL, match[2] or "")))
            check((name, labels) not in self.series, f"twice: {line!r}")
            self.series[name, labels] = float(match.groups()[-1])

    def value(self, name, **labels):
        found = self.series.get((name, tuple(sorted(labels.items()))))
        if found is None:
            raise Failure(f"no series {name} {labels}; there are: {sorted(self.series)}")
        return found


def exposition(path):
    with open(path, encoding="utf-8") as file:
        return Exposition(file.read())
