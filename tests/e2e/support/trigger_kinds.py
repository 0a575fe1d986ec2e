"""Every kind of trigger on one program: comparison, delta, heartbeat, SIGUSR2, `fdr dump`, the death by signal, the
exit code.

Each is provoked on its own, in this order, and must leave a whole bundle whose first screen names it
(bundle.check_answers).
"""

import signal
import time

from support.recorder import Recorder
from support.scenario import check, equal, wait_for

RULES = """
window = {{ span = "10s", after = "1s" }}

[[trigger]]
name = "busy"
when = "process.cpu.total > 3%"
for = "500ms"

[[trigger]]
name = "growth"
when = "{growth}"

[[heartbeat]]
name = "pulse"
every = "300ms"
misses = 3

[[trigger]]
name = "crash"
when = "exit.signal == SIGSEGV"

[[trigger]]
name = "ended"
when = "exit.code == {code}"
"""


def _config(scenario, service):
    path = scenario.path("rules.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(RULES.format(growth=service.growth, code=service.exit_code))
    return path


def _checked(bundle, trigger, service, cause):
    bundle.check_whole()
    bundle.check_answers(trigger, service.functions, service.syscalls)
    print(f"{bundle.scenario.name}: {cause}: {bundle.manifest['trigger']['name']}, "
          f"{bundle.manifest['trigger'].get('value_text')}, {bundle.manifest['stacks']['samples']} samples, "
          f"{bundle.manifest['stacks']['share_complete']:.1%} complete")
    return bundle


def fire_each_kind(scenario, make_service):
    service = make_service(scenario)
    service.start()
    config = _config(scenario, service)
    recorder = Recorder(scenario, "attach", "-c", config, service.process.pid)
    equal(recorder.bundle_paths(), [], "bundles before anything happened")

    service.load()
    bundle = _checked(recorder.next_bundle("comparison"), "busy", service, "comparison")
    check(bundle.manifest["trigger"]["value"] > 3, f"the value is not above 3 %: {bundle.manifest['trigger']}")

    service.grow()
    _checked(recorder.next_bundle("delta"), "growth", service, "delta")

    beat_until = time.monotonic() + 1.0
    while time.monotonic() < beat_until:  # a heartbeat counts as soon as it has been heard once
        scenario.fdr("beat", "pulse")
        time.sleep(0.1)
    _checked(recorder.next_bundle("heartbeat"), "pulse", service, "heartbeat")

    recorder.process.send_signal(signal.SIGUSR2)
    bundle = _checked(recorder.next_bundle("SIGUSR2"), "manual", service, "SIGUSR2")
    check("SIGUSR2" in str(bundle.manifest["trigger"]), f"no word of SIGUSR2: {bundle.manifest['trigger']}")

    bundle = _checked(recorder.dump("is it the disk?"), "manual", service, "fdr dump")
    check("is it the disk?" in bundle.first_screen(), "the first screen does not give the reason of fdr dump")

    service.process.send_signal(signal.SIGSEGV)
    bundle = _checked(recorder.next_bundle("exit by signal"), "crash", service, "exit by signal")
    equal(bundle.manifest["trigger"]["value"], signal.SIGSEGV, "trigger.value of exit.signal")
    equal(recorder.wait(), 0, "exit code of fdr attach when its last target has gone")

    _exit_by_code(scenario, make_service, config)


def _exit_by_code(scenario, make_service, config):
    service = make_service(scenario)
    service.start()
    recorder = Recorder(scenario, "attach", "-c", config, service.process.pid)
    load = service.load()
    recorder.next_bundle("comparison, second run")  # so that there is load in the window
    service.exit_by_code()
    wait_for("the target's end", lambda: service.process.poll() is not None)
    if load:
        load.terminate()
    equal(service.process.returncode, service.exit_code, "exit code of the target")
    bundle = _checked(recorder.next_bundle("exit by code"), "ended", service, "exit by code")
    equal(bundle.manifest["trigger"]["value"], service.exit_code, "trigger.value of exit.code")
    equal(recorder.wait(), 0, "exit code of fdr attach when its last target has gone")
