"""One incident, rebuilt once with everything armed, and each of its facts asked of what was left behind."""

import dataclasses
import json
import os
import shutil
import tomllib

import facts
import fdr_side
import jq
import peers as peers_today
from led import Led, NoSymptom

KNOWN, WRONG, MISSING = "known", "wrong", "missing"
_ORDER = (KNOWN, WRONG, MISSING)
_ATTEMPTS = 2  # a symptom of a real machine may stay out once


@dataclasses.dataclass
class Verdict:
    fact: facts.Fact
    verdict: str
    value: object = None  # what the bundle said
    why: str = ""         # it does not know, or is wrong
    peers: dict = dataclasses.field(default_factory=dict)  # {peer: True | False}; those it names and that were armed


@dataclasses.dataclass
class Run:
    """What came of one incident. `failure`: why there is nothing to score, if so."""

    incident: str
    variant: str
    verdicts: list
    failure: str = ""
    again: str = ""  # why a first attempt came to nothing
    bundles: list = dataclasses.field(default_factory=list)
    early: list = dataclasses.field(default_factory=list)
    cuts: list = dataclasses.field(default_factory=list)
    absent: list = dataclasses.field(default_factory=list)
    began: float = 0.0  # of the trouble
    truth: dict = dataclasses.field(default_factory=dict)
    symptom: dict = dataclasses.field(default_factory=dict)

    def count(self, verdict):
        return sum(row.verdict == verdict for row in self.verdicts)

    def by_issue(self):
        """{issue: facts not known}"""
        counts = {}
        for row in self.verdicts:
            if row.verdict != KNOWN:
                counts[row.fact.issue] = counts.get(row.fact.issue, 0) + 1
        return dict(sorted(counts.items()))

    def of_peer(self, peer):
        """(facts it proved, facts it could have)"""
        answers = [row.peers[peer] for row in self.verdicts if peer in row.peers]
        return sum(answers), len(answers)


@dataclasses.dataclass(frozen=True)
class Arms:
    """What is armed beside an incident."""

    peers: bool = True
    default_rules: bool = False
    backend: str = "auto"


def score(incident, variant, wanted, directory, arms=Arms(), options=(), progress=lambda text: None):
    """Rebuilds the incident in `directory` and judges the facts `wanted` of it."""
    run = Run(incident, variant, [Verdict(fact, MISSING) for fact in wanted])
    texts = None
    for attempt in range(_ATTEMPTS):
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        try:
            texts = _record(run, directory, arms, options, progress)
            break
        except NoSymptom as error:
            if attempt + 1 < _ATTEMPTS:
                run.again = str(error)
                continue
            run.failure = str(error)
        except fdr_side.Failed as error:
            run.failure = f"fdr: {error}"
            break
    if texts is None:
        for row in run.verdicts:
            row.why = "nothing was recorded"
        return run
    config = _parsed(os.path.join(facts.HERE, incident, "config.toml"))
    for number, row in enumerate(run.verdicts, 1):
        progress(f"fact {number} of {len(run.verdicts)}")
        _judge(row, run, config)
        row.peers = {peer: bool(expression.search(texts[peer])) for peer, expression in row.fact.peers.items()
                     if peer in texts}
    return run


def _parsed(path):
    """The operator's own configuration, before anything was cut, as jq sees it."""
    with open(path, "rb") as file:
        return json.loads(json.dumps(tomllib.load(file), default=str))


def _record(run, directory, arms, options, progress):
    """Fills in what happened; returns the peers' texts."""
    with Led(run.incident, run.variant, directory, options) as led:
        progress("getting well")
        led.wait("ready")
        config = os.path.join(facts.HERE, run.incident, "config.toml")
        recorder = fdr_side.Recorder(f"score-{run.incident}", config, directory, arms.default_rules, arms.backend)
        try:
            run.cuts = recorder.cuts
            with peers_today.Armed(directory, peers_today.KINDS if arms.peers else ()) as peers:
                run.absent = peers.absent
                led.go_on()
                progress("well")
                run.began = led.wait("trouble")["realtime"]
                progress("in trouble")
                run.symptom = led.wait("symptom").get("figures", {})
                peers.told()
                run.bundles, run.early = recorder.bundles(run.began, progress)
                recorder.stop()
                run.bundles += recorder.written_since(run.bundles + run.early)
                progress("peers are writing")
                texts = peers.texts()
        finally:
            recorder.stop()
        led.go_on()
        progress("ending")
        led.wait("end")
        run.truth = led.truth
        return texts


def _judge(row, run, config):
    """The best that any bundle of the trouble says of the fact: whoever is on call has all of them."""
    for bundle in run.bundles:
        verdict, value, why = _ask(row.fact, bundle, run.truth, config)
        if row.why and _ORDER.index(verdict) >= _ORDER.index(row.verdict):
            continue
        row.verdict, row.value, row.why = verdict, value, why
    cut = next((cut for cut in run.cuts if cut.name and f'"{cut.name}"' in row.fact.value + row.fact.expect), None)
    if cut and row.verdict == WRONG:
        row.verdict, row.why = MISSING, f"not armed: {cut}"


def _ask(fact, bundle, truth, config):
    answer, why = bundle.answer(fact)
    if answer is None:
        return MISSING, None, why
    value, why = jq.first(fact.value, answer, truth=truth, config=config)
    if value is None:
        return MISSING, None, why
    if jq.holds(fact.expect, value, truth=truth, config=config):
        return KNOWN, value, "as it was"
    return WRONG, value, "not as it was"
