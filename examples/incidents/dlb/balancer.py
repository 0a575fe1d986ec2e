"""The load balancer and its neighbours: what runs, where, and what their logs say."""

import contextlib
import os
import signal
import subprocess
import time

from cgroup import Cgroup

BFD_PORT, EVERY_S, MISSES = 3784, 0.4, 3
PEERS = {"peer1": "127.77.0.1", "peer2": "127.77.0.2"}
EDGE, WEB = "127.77.0.10:8080", "127.77.0.20:8080"
MEMORY = 1200 << 20          # at most; the real one had 128 GB, and took weeks to fill them
HEADROOM = 40 << 20          # less than a scan of the routes takes
PROBES = ".NNNN_dOeSnotExist_.db"


def _children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(child) for child in file.read().split()]


class LoadBalancer:
    """bird, haproxy and the health checker share one memory limit; peers, users and web servers are other machines."""

    def __init__(self, incident):
        self.incident = incident
        self.memory = Cgroup("memory", f"load-balancer-{os.getpid()}")
        incident.at_end(self.memory.remove)
        self.limit = MEMORY
        self.memory.limit_memory(self.limit)
        self._never_swap()
        self.pki = incident.path("var/lib/backend-checks/pki/nssdb")
        self.servers = incident.path("servers")
        os.makedirs(self.pki)

    def _never_swap(self):
        file = "memory.swap.max" if self.memory.v2 else "memory.swappiness"
        with contextlib.suppress(OSError), open(os.path.join(self.memory.path, file), "w", encoding="ascii") as handle:
            handle.write("0")

    def start(self, servers):
        incident, inside = self.incident, (self.memory,)
        bird, bfd_peer, self.curl, client = (
            incident.built(["cc", "-O2", "-g", "-Wall", "-Wextra", "-o", "{out}", name + ".c"], name, name + ".c")
            for name in ("bird", "bfd_peer", "curl", "client"))
        for name, address in PEERS.items():
            incident.spawn(name, [bfd_peer, address, BFD_PORT])

        # The web servers are haproxy too, under a name of their own.
        with open(incident.path("page"), "w", encoding="ascii") as page:
            page.write("<p>hello, world</p>\n" * 100)
        os.symlink("/usr/sbin/haproxy", incident.path("web"))
        places = {**os.environ, "EDGE": EDGE, "WEB": WEB, "PAGE": incident.path("page")}
        incident.spawn("web", [incident.path("web"), "-db", "-f", self._file("web.cfg")], env=places)
        # Without pools haproxy gives memory back at once, and asks the kernel anew with each request.
        haproxy = incident.spawn("haproxy", ["nice", "-n", "-4", "haproxy", "-W", "-db", "-dMno-cache,no-global",
                                             "-f", self._file("haproxy.cfg")], inside, env=places)
        incident.wait_for("an answer of haproxy", lambda: self._answers(EDGE), every=0.1)
        self.haproxy = _children(haproxy.pid)[0]
        incident.spawn("client", [client, EDGE, 16, 70], start_new_session=True)
        self.bird = incident.spawn("bird", [bird, BFD_PORT, *PEERS.values()], inside).pid

        self.check(servers)
        self.checker = incident.spawn(
            "check-backends", [self._file("check-backends"), self.servers, self.pki, self.curl], inside).pid
        self.cron = incident.spawn("cron", [self._file("cron"), 8, self._file("puppet")]).pid

    def _file(self, name):
        return os.path.join(self.incident.source, name)

    def grow_old(self, used, seconds):
        """Weeks of checks, at once: the memory is half full when the story begins, and nobody suffers from that."""
        xargs = self.incident.spawn("weeks", ["xargs", "-P", "3", "-n", "1", self.curl, "--pki", self.pki],
                                    (self.memory,), stdin=subprocess.PIPE, start_new_session=True)
        xargs.stdin.write(f"{WEB}/health\n".encode() * 1000)
        deadline = time.monotonic() + seconds
        while self.memory.memory_bytes() < used and time.monotonic() < deadline:
            time.sleep(0.1)
        os.killpg(xargs.pid, signal.SIGKILL)
        xargs.wait()
        del self.incident.children["weeks"]

    def _answers(self, place):
        return subprocess.run([self.curl, place + "/"], stdout=subprocess.DEVNULL, check=False).returncode == 0

    def check(self, servers):
        """So many servers are asked for their health from now on."""
        with open(self.servers + ".new", "w", encoding="ascii") as file:
            file.write(f"{WEB}/health\n" * servers)
        os.rename(self.servers + ".new", self.servers)

    def draw_in(self):
        """The limit comes down to just above what is used: the next scan of the routes has to reclaim. (With a limit
        below that, the kernel would have us reclaim at once.)"""
        self.limit = min(MEMORY, self.memory.memory_bytes() + HEADROOM)
        self.memory.limit_memory(self.limit)

    def let_grow(self):
        self.memory.limit_memory(MEMORY)

    def free_caches(self):
        """The other job of cron. In the story it is drop_caches; here only what this cgroup holds is given back."""
        file = os.path.join(self.memory.path, "memory.reclaim" if self.memory.v2 else "memory.force_empty")
        used, started = self.memory.memory_bytes(), time.time()
        child = self.incident.spawn("free-caches", ["nice", "-n", "-5", self._file("free-caches"), file])
        child.wait()
        return {"comm": "free-caches", "pid": child.pid, "time": started, "end": time.time(),
                "freed_bytes": used - self.memory.memory_bytes()}

    def limit_hits(self):
        """How often an allocation found the memory limit reached."""
        if self.memory.v2:
            return self.memory.counters("memory.events")["max"]
        return int(self.memory.read("memory.failcnt"))

    # --- what the logs say --------------------------------------------------------------------------------------------

    def checks(self):
        """(runs of curl that ended, lookups of theirs that found nothing: as many distinct names)"""
        rows = [line.split() for line in self.incident.log("check-backends").splitlines() if line.count(" ") == 2]
        return len(rows), sum(int(row[2]) for row in rows)

    def started(self, start, end):
        """Runs of puppet that began then."""
        rows = [line.split() for line in self.incident.log("cron").splitlines()]
        return [{"comm": comm, "pid": int(pid), "time": float(when)}
                for when, comm, pid in rows if start <= float(when) <= end]

    def _rows(self, peer, kind):
        return [line.split()[1:] for line in self.incident.log(peer).splitlines() if line.startswith(kind + " ")]

    def links_down(self, since):
        """Both peers miss their beats now, and have since the same one."""
        lasts = []
        for peer in PEERS:
            down, up = self._rows(peer, "down"), self._rows(peer, "up")
            lasts.append(float(down[-1][0]) if down and (not up or up[-1][0] != down[-1][0]) else 0.0)
        return min(lasts) > since and max(lasts) - min(lasts) < EVERY_S / 2

    def outage(self, since):
        """{peer: its longest outage that began with the same beat as the other's}, or {}"""
        first, second = ([{"last_beat": float(last), "gap_s": float(gap), "missed": int(missed)}
                          for last, gap, missed in self._rows(peer, "up")
                          if float(last) >= since and int(missed) >= MISSES]
                         for peer in PEERS)
        both = [(a, b) for a in first for b in second if abs(a["last_beat"] - b["last_beat"]) < EVERY_S / 2]
        return dict(zip(PEERS, max(both, key=lambda pair: pair[0]["gap_s"]))) if both else {}

    def longest_gap(self):
        """Seconds, of both peers, which end with it."""
        for peer in PEERS:
            self.incident.stop(self.incident.children[peer])
        return max(float(self.incident.log(peer).split()[-2]) for peer in PEERS)

    def slowest_request(self):
        """Seconds, as the users saw it, who end with it."""
        self.incident.stop(self.incident.children["client"])
        return max((float(line.split()[2]) for line in self.incident.log("client").splitlines()), default=0.0)
