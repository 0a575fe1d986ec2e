#!/usr/bin/python3
"""The Debian package holds what an installation needs, where it is looked for, and its program runs; nothing is started by it."""

import glob
import gzip
import os
import re

from support.scenario import FDR, Scenario, check, equal

FILES = ("usr/bin/fdr", "usr/share/man/man1/fdr.1.gz", "usr/share/man/man5/fdr.toml.5.gz", "usr/share/bash-completion/completions/fdr",
         "usr/share/zsh/vendor-completions/_fdr", "usr/share/fish/vendor_completions.d/fdr.fish", "usr/lib/systemd/system/fdr@.service",
         "usr/lib/systemd/system/fdr-once.service", "usr/lib/systemd/system/fdr-once.timer", "usr/lib/tmpfiles.d/fdr.conf",
         "usr/share/doc/fdr/examples/fdr.toml", "usr/share/doc/fdr/copyright")

with Scenario(__file__) as scenario:
    scenario.need("cpack", "dpkg-deb", "dpkg-shlibdeps", "file", "scdoc")
    build = os.environ.get("FDR_BUILD", os.path.dirname(FDR))
    result = scenario.run(["cpack", "-G", "DEB", "--config", os.path.join(build, "CPackConfig.cmake"), "-B", scenario.directory], seconds=170)
    equal(result.returncode, 0, f"cpack: {result.stdout[-2000:]}{result.stderr[-2000:]}")
    packages = glob.glob(scenario.path("*.deb"))
    equal(len(packages), 1, f"packages: {packages}")

    listed = {line.split()[5].removeprefix("./"): line.split() for line in scenario.run(["dpkg-deb", "-c", packages[0]]).stdout.splitlines()}
    for name in FILES:
        check(name in listed, f"the package has no {name}: {sorted(listed)}")
    equal({name for name in listed if not name.startswith("usr/") and name not in ("", "./")}, set(), "files outside /usr")
    writable = [name for name, fields in listed.items() if fields[1] != "root/root" or fields[0][5] == "w" or fields[0][8] == "w" or "s" in fields[0]]
    equal(writable, [], "files of others, for others to write, or set-uid")
    depends = scenario.run(["dpkg-deb", "-f", packages[0], "Depends"]).stdout
    check("libbpf" in depends and "libdw" in depends, f"dependencies: {depends!r}")

    scenario.run(["dpkg-deb", "-x", packages[0], scenario.path("root")])
    scenario.run(["dpkg-deb", "-e", packages[0], scenario.path("control")])
    equal(sorted(os.listdir(scenario.path("control"))), ["control", "md5sums"], "control files: a script would run at the installation")
    equal(scenario.run([scenario.path("root/usr/bin/fdr"), "--version"]).stdout, scenario.fdr("--version").stdout, "version of the packaged program")
    with gzip.open(scenario.path("root/usr/share/man/man1/fdr.1.gz"), "rt", encoding="utf-8") as page:
        check(re.search(r"^\.TH \"fdr\" \"1\"", page.read(), re.M), "fdr.1 is no man page")
    with open(scenario.path("root/usr/lib/systemd/system/fdr@.service"), encoding="utf-8") as unit:
        started = re.search(r"^ExecStart=/(\S+)", unit.read(), re.M)[1]
    check(started in listed, f"the unit starts {started}, which is not in the package")
    print(f"package: {os.path.basename(packages[0])}, {os.path.getsize(packages[0])} bytes, {len(listed)} entries")
