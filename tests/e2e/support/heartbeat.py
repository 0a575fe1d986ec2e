"""Who sends heartbeats: a shell loop of `fdr beat`, as a script of a user's would."""

import signal

from support.scenario import FDR


class Sender:
    def __init__(self, scenario, name, every):
        loop = 'while :; do "$0" beat "$1" && echo beat; sleep "$2"; done'
        self.process = scenario.spawn(["sh", "-c", loop, FDR, name, every], name=f"sender-{name}")

    def pause(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        self.process.kill()
        self.process.wait()
