#!/usr/bin/python3
"""The page of fdr report --html in a real browser, from a file, without a network: the answer, charts, flame graphs that are
searched and zoomed by mouse and keyboard, tables that are sorted and filtered; and a bundle that is out to harm its reader."""

import json
import os
import signal
import stat
import sys

from support.browser import Browser
from support.recorder import Recorder
from support.scenario import Scenario, check, equal, program, wait_for

ASKS_IN_VAIN = """
import time
while True:
    try:
        open("/nowhere/to/be/found")
    except OSError:
        time.sleep(0.05)
"""
HOSTILE = "</script><img src=http://127.0.0.1:9/x onerror=document.title='owned'>"
BYTES_MOST = 5 << 20


def made_page(scenario, bundle, name):
    path = scenario.path(name)
    scenario.fdr("report", bundle.path, "--html", path)
    equal(stat.S_IMODE(os.stat(path).st_mode), 0o600, f"mode of {name}")
    check(os.path.getsize(path) <= BYTES_MOST, f"{name} has {os.path.getsize(path)} bytes")
    return path


def check_self_contained(browser, path):
    equal(browser.errors, [], "errors of the page")
    equal(browser.requests, ["file://" + path], "requests of the page")


def check_answer(browser, bundle):
    report = bundle.report()
    check(report["trigger"]["name"] in browser.text("h1"), f"h1: {browser.text('h1')!r}")
    facts = browser.text(".facts")
    for wanted in (report["target"]["names"][0] if report["target"]["names"] else "duty", report["host"]["kernel"], "before and"):
        check(wanted in facts, f"{wanted!r} is not among the facts: {facts}")
    for verdict, selector in (("for", ".findings li"), ("against", ".judgement > div > .against li")):
        wanted = [finding["title"] for finding in report["findings"] if finding["verdict"] == verdict]
        shown = browser.texts(selector)
        equal(len(shown), len(wanted), f"findings that are {verdict}")
        for title, text in zip(wanted, shown):
            check(title in text, f"the finding {title!r} is not {text!r}")


def check_charts(browser, scenario):
    # Either kind: the one has canvases, the other lines of SVG.
    drawn = browser.evaluate("document.querySelectorAll('.chart canvas, .chart svg path').length")
    check(drawn >= 4, f"{drawn} charts are drawn")
    browser.click("#metric-filter")
    browser.type("cpu.total")
    names = browser.texts(".chart .name")
    check(names and all("cpu.total" in name for name in names), f"filtered charts: {names}")
    browser.evaluate("document.querySelector('#metric-filter').value = ''")


def detail(browser):
    return browser.text(".detail")


def check_flames(browser, scenario):
    on_cpu = '[data-graph="on-cpu"] '
    painted = browser.evaluate(
        f"""(() => {{ const c = document.querySelector('{on_cpu}canvas'); const p = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        const seen = new Set(); for (let i = 0; i < p.length; i += 4) seen.add(p[i] << 16 | p[i + 1] << 8 | p[i + 2]); return seen.size; }})()""")
    check(painted > 5, f"{painted} colours on the canvas")

    browser.evaluate("document.activeElement.blur()")
    browser.key("/", 191)
    check(browser.evaluate("document.activeElement.classList.contains('flame-search')"), "/ does not go to the search")
    browser.type("burn")
    matched = browser.text(on_cpu + ".matched")
    share = float(matched.split(",")[1].split("%")[0])
    check(share > 50, f"burn() has most of the samples, but: {matched!r}")

    # The second row is the process: duty. A click zooms, the button resets, the keyboard does both.
    check(browser.evaluate(f"document.querySelector('{on_cpu}.reset').disabled"), "there is nothing to reset yet")
    browser.click(on_cpu + "canvas", x=30, y=18 + 9)
    check(detail(browser).startswith("duty "), f"a click on the second row: {detail(browser)!r}")
    check(not browser.evaluate(f"document.querySelector('{on_cpu}.reset').disabled"), "a click does not zoom")
    browser.click(on_cpu + ".reset")
    check(browser.evaluate(f"document.querySelector('{on_cpu}.reset').disabled"), "the zoom is not reset")
    browser.evaluate(f"document.querySelector('{on_cpu}canvas').focus()")
    for _ in range(3):
        browser.key("ArrowDown", 40)
    walked = detail(browser)
    browser.key("Enter", 13)
    check(not browser.evaluate(f"document.querySelector('{on_cpu}.reset').disabled"), "Enter does not zoom")
    equal(detail(browser), walked, "the frame that was walked to, and zoomed")
    browser.key("ArrowUp", 38)
    check(detail(browser) != walked, "ArrowUp stays where it was")
    browser.key("Escape", 27)
    check(browser.evaluate(f"document.querySelector('{on_cpu}.reset').disabled"), "Escape does not reset")

    for view in browser.evaluate(f"[...document.querySelectorAll('{on_cpu}.choice button')].map((b) => b.dataset.id)"):
        browser.click(f"{on_cpu}.choice [data-id={view}]")
        equal(browser.evaluate(f"document.querySelector('{on_cpu}.choice [aria-checked=true]').dataset.id"), view, "chosen view")
    browser.click("#flames > .bar .choice [data-id=waits]")
    check("clock_nanosleep" in browser.evaluate("JSON.stringify(data.names.text)"), "duty's sleep is not among the names")
    browser.click("[data-graph=waits] .choice [data-id=whole]")
    check(browser.evaluate("document.querySelector('[data-graph=waits] canvas').height > 40"), "the graph of waits is empty")


def column(browser, table, number):
    return browser.texts(f'[data-table="{table}"] tbody tr:not(.stack) td:nth-child({number})')


def check_tables(browser, bundle):
    calls = bundle.syscalls()
    browser.click("#tables > .bar .choice [data-id=syscalls]")
    equal(sorted(column(browser, "syscalls", 1)), sorted(calls), "system calls of the table")
    browser.click('[data-table="syscalls"] th:nth-child(1) button')
    equal(column(browser, "syscalls", 1), sorted(calls), "sorted by name")
    equal(browser.evaluate("document.querySelector('[data-table=syscalls] th').ariaSort"), "ascending", "aria-sort")
    browser.click('[data-table="syscalls"] th:nth-child(1) button')
    equal(column(browser, "syscalls", 1), sorted(calls, reverse=True), "sorted the other way")
    browser.click('[data-table="syscalls"] th:nth-child(5) button')
    numbers = [int(text.replace("\u202f", "")) for text in column(browser, "syscalls", 5)]
    equal(numbers, sorted((row["calls"] for row in calls.values()), reverse=True), "sorted by calls, most first")
    browser.click('[data-table="syscalls"] input')
    browser.type("nanosleep")
    equal(column(browser, "syscalls", 1), ["clock_nanosleep"], "filtered by a word")

    browser.click("#tables > .bar .choice [data-id=failed]")
    browser.click('[data-table="failed"] input')
    browser.type("/nowhere")  # what other programs of the host asked for in vain is in the table too
    shown = column(browser, "failed", 1)
    check("▸/nowhere/to/be/found" in shown and all("/nowhere" in path for path in shown), f"failed calls: {shown}")
    browser.click('[data-table="failed"] tbody tr.has-stack td:nth-child(2)')
    stack = browser.texts('[data-table="failed"] tr.stack li')
    failed = next(row for row in bundle.show("failed") if row["path"] == "/nowhere/to/be/found" and row["stack"])
    equal(stack, failed["stack"][::-1], "the stack of the failed call, innermost first")


def hostile_bundle(scenario, bundle):
    """The manifest is the bundle's; a reader believes no byte of it."""
    path = os.path.join(bundle.path, "manifest.json")
    with open(path, encoding="utf-8") as file:
        manifest = json.load(file)
    manifest["trigger"]["name"] = manifest["trigger"]["evidence"] = manifest["host"]["name"] = HOSTILE
    manifest["losses"].append(HOSTILE)
    os.chmod(path, 0o600)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(manifest, file)


with Scenario(__file__) as scenario:
    scenario.need_root()
    scenario.need("chromium")
    duty = scenario.spawn([program("duty"), "20"])
    asking = scenario.spawn([sys.executable, "-c", ASKS_IN_VAIN], name="asking")
    recorder = Recorder(scenario, "attach", "-w", "10s", "--after", "1s",
                        "--when", "process.cpu.total > 60% for 2s", duty.pid, asking.pid)
    wait_for("a quiet part", lambda: recorder.status()["armed_s"] > 4)
    duty.send_signal(signal.SIGUSR1)  # from now on it burns all of a CPU
    bundle = recorder.next_bundle("process.cpu.total")
    recorder.stop()
    check(bundle.report()["onset"]["known"], "no onset, so no quiet part to compare with")

    path = made_page(scenario, bundle, "report.html")
    browser = Browser(scenario, path)
    check_answer(browser, bundle)
    check_charts(browser, scenario)
    check_flames(browser, scenario)
    check_tables(browser, bundle)
    check(len(browser.screenshot(scenario.path("light.png"))) > 10_000, "the screenshot is empty")
    check_self_contained(browser, path)
    browser.close()

    narrow = Browser(scenario, path, width=800, height=1200, dark=True)
    check(narrow.evaluate("document.documentElement.scrollWidth <= 800"), "at 800 columns the page scrolls sideways")
    check(len(narrow.screenshot(scenario.path("dark.png"))) > 10_000, "the dark screenshot is empty")
    check_self_contained(narrow, path)
    narrow.close()

    hostile_bundle(scenario, bundle)
    path = made_page(scenario, bundle, "hostile.html")
    harmed = Browser(scenario, path)
    check(HOSTILE in harmed.text("h1"), f"the hostile name is not shown as text: {harmed.text('h1')!r}")
    equal(harmed.evaluate("document.querySelectorAll('img, iframe, object, embed, link').length"), 0, "elements made by the bundle")
    check(harmed.evaluate("document.title") != "owned", "the bundle ran a script")
    check_self_contained(harmed, path)
    harmed.close()
