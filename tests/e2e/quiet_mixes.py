#!/usr/bin/python3
"""The default rules stay silent under what every host does: redis under steady load, and beside it in turn a compiler,
a package installed and removed, logs that are rotated, and a backup.

Both are targets of a recorder each. Watched for 40 s, with FDR_E2E_LONG=1 for two hours.
"""

import os
import time

from support.recorder import Recorder
from support.scenario import LONG, Scenario, check, equal
from support.services import Redis

SECONDS = 7200 if LONG else 40

# Run by sh in a directory of its own; each round a few seconds of each.
MIXES = r"""
set -e
mkdir -p package/DEBIAN package/opt/fdr-mix root/var/lib/dpkg/info root/var/lib/dpkg/updates
touch root/var/lib/dpkg/status root/var/lib/dpkg/available
printf 'Package: fdr-mix\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@localhost>\nDescription: a mix\n' > package/DEBIAN/control
for number in 1 2 3 4 5 6 7 8; do head -c 200000 /dev/zero > package/opt/fdr-mix/file$number; done
printf '#include <iostream>\n#include <regex>\n#include <map>\nint main(int c, char** v) { std::map<std::string, int> m; for (int i = 0; i < c; ++i) m[v[i]] = std::regex_match(v[i], std::regex("a+")); std::cout << m.size(); }\n' > unit.cpp
while true; do
  g++ -std=c++20 -O1 -c unit.cpp -o unit.o
  dpkg-deb --build package mix.deb
  dpkg --root="$PWD/root" --force-not-root --force-depends -i mix.deb
  dpkg --root="$PWD/root" --force-not-root -r fdr-mix
  for number in 1 2 3 4 5 6 7 8 9; do seq 1 60000; done > app.log
  if [ -e app.log.1 ]; then gzip -f app.log.1; fi
  mv app.log app.log.1
  tar -cf - /usr/include 2>/dev/null | gzip -1 > /dev/null
  echo round
  sleep 1
done
"""

with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("g++", "dpkg-deb", "dpkg", "tar", "gzip")
    redis = Redis(scenario)
    redis.start()
    redis.load()
    place = scenario.path("mixes")
    os.mkdir(place)
    mixer = scenario.spawn(["sh", "-c", MIXES], name="mixer", cwd=place)
    recorders = [Recorder(scenario, "attach", pid, default_rules=True) for pid in (redis.process.pid, mixer.pid)]

    begun = time.monotonic()
    while time.monotonic() < begun + SECONDS:
        for recorder in recorders:
            equal(recorder.bundle_paths(), [], f"bundles after {time.monotonic() - begun:.0f} s of quiet")
            check(recorder.process.poll() is None, f"the recorder ended:\n{recorder.stderr}")
        check(mixer.poll() is None, f"the mixes ended:\n{scenario.read('mixer.stderr')}")
        check(redis.process.poll() is None, "redis ended")
        time.sleep(0.5)
    check(scenario.read("mixer.stdout").count("round") >= 1, "no round of mixes was done")
    for recorder in recorders:
        rules = recorder.status()["rules"]
        check(len(rules) >= 10, f"the default rules: {[rule['name'] for rule in rules]}")
        equal([rule["name"] for rule in rules if rule["fired"]], [], "rules that fired")
        recorder.stop()
