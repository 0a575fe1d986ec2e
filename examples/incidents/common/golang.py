"""Programs in Go: built without network, and asked over their own debug endpoints for what they know of themselves.

Nothing is stripped and net/http/pprof is linked in, as in the daemons that are meant; so the answers here can be held
against what a recorder found from outside.
"""

import glob
import os
import re
import subprocess
import urllib.request


def built(incident, package):
    """The program PACKAGE of the incident's own directory, under that name."""
    sources = sorted(os.path.relpath(path, incident.source)
                     for path in glob.glob(os.path.join(incident.source, package, "*.go")))
    build = os.environ.get("FDR_INCIDENTS_BUILD", os.path.join(incident.source, "..", "..", "..", "build", "incidents"))
    return incident.built(["go", "build", "-o", "{out}", "./" + package], package, *sources,
                          GO111MODULE="off", GOFLAGS="", GOCACHE=os.path.realpath(os.path.join(build, "go-cache")))


def fetch(url, timeout=10.0):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read()


def goroutines(url):
    """(all of them, [(how many, [(function, file.go:line), ...innermost first])]) by /debug/pprof/goroutine?debug=1."""
    text = fetch(url + "/debug/pprof/goroutine?debug=1").decode()
    total = int(re.match(r"goroutine profile: total (\d+)", text)[1])
    groups = []
    for block in text.split("\n\n"):
        head = re.search(r"^(\d+) @", block, re.MULTILINE)
        frames = re.findall(r"^#\t\S+\t(\S+?)\+0x\S+\s+(\S+)$", block, re.MULTILINE)
        if head and frames:
            groups.append((int(head[1]), [(function, os.path.basename(place)) for function, place in frames]))
    return total, groups


def shares(program, profile, index=None):
    """{function: (own, with all it calls)} as shares of 1 of a profile's total, by `go tool pprof`."""
    command = ["go", "tool", "pprof", "-top", "-nodecount=1000", "-nodefraction=0", "-symbolize=none"]
    command += [f"-sample_index={index}"] if index else []
    environment = {**os.environ, "GO111MODULE": "off", "GOFLAGS": "", "PPROF_TMPDIR": os.path.dirname(profile)}
    text = subprocess.run([*command, program, profile], check=True, capture_output=True, text=True,
                          env=environment).stdout
    row = re.compile(r"^\s*\S+\s+([\d.]+)%\s+[\d.]+%\s+\S+\s+([\d.]+)%\s+(\S+)", re.MULTILINE)
    return {name: (float(own) / 100, float(cumulative) / 100) for own, cumulative, name in row.findall(text)}
