"""A headless Chromium that shows one page: driven through its debugging pipe, so no port and no library.

Every request it makes is noted; a page that is self-contained makes none but for its own file. Messages are JSON ended by a
zero byte, ours on the browser's descriptor 3, its own on 4 (Chromium's --remote-debugging-pipe).
"""

import base64
import json
import os
import select
import shutil
import sys
import time

from support.scenario import Failure, Skip, check

# Its descriptors 3 and 4, whatever numbers ours have; out of the way first, since one may be 3 or 4 already.
_EXEC = """
import os, sys
reading, writing = (os.dup2(int(number), 100 + i) for i, number in enumerate(sys.argv[1:3]))
os.dup2(reading, 3)
os.dup2(writing, 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


class Browser:
    def __init__(self, scenario, path, width=1400, height=900, dark=False):
        command = next((c for c in ("chromium", "chromium-browser", "google-chrome") if shutil.which(c)), None)
        if not command:
            raise Skip("chromium is not installed (scripts/setup --tests)")
        to_browser, self.writing = os.pipe()
        self.reading, from_browser = os.pipe()

        profile = scenario.path(f"chromium-{width}-{'dark' if dark else 'light'}")
        self.process = scenario.spawn(
            [sys.executable, "-c", _EXEC, str(to_browser), str(from_browser), command, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync", "--disable-extensions", f"--user-data-dir={profile}",
             f"--window-size={width},{height}", "--remote-debugging-pipe", "about:blank"],
            name="chromium", pass_fds=(to_browser, from_browser))
        os.close(to_browser)
        os.close(from_browser)
        self.number = 0
        self.buffer = b""
        self.requests = []
        self.errors = []
        self.session = None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")
        self.session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(domain + ".enable")
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        if dark:
            self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark"}])
        self.call("Page.navigate", url="file://" + path)
        self.wait("document.documentElement?.dataset.ready === 'yes'")

    # --- the pipe -----------------------------------------------------------------------------------------------------

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 60
        while True:
            answer = self._message(deadline, method)
            if answer.get("id") == self.number:
                check("error" not in answer, f"{method}: {answer.get('error')}")
                return answer["result"]
            self._note(answer)

    def _message(self, deadline, method):
        while b"\0" not in self.buffer:
            ready, _, _ = select.select([self.reading], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise Failure(f"chromium did not answer {method} within a minute")
            piece = os.read(self.reading, 1 << 16)
            if not piece:
                raise Failure(f"chromium ended before it answered {method}")
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = parameters["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description", details["text"]))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
            self.errors.append(parameters["entry"]["text"])

    # --- the page -----------------------------------------------------------------------------------------------------

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        check("exceptionDetails" not in result, f"{expression}: {result.get('exceptionDetails')}")
        return result["result"].get("value")

    def wait(self, expression, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise Failure(f"the page: not within {seconds:g} s: {expression}; errors: {self.errors}")
            time.sleep(0.02)

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.textContent ?? null")

    def texts(self, selector):
        return self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((node) => node.textContent)")

    def show(self, selector):
        """Scrolls an element into view; its box in the viewport."""
        return self.evaluate(
            f"(() => {{ const node = document.querySelector({json.dumps(selector)}); node.scrollIntoView({{block: 'center'}});"
            " const box = node.getBoundingClientRect(); return {x: box.x, y: box.y, width: box.width, height: box.height}; })()")

    def click(self, selector, x=None, y=None):
        """A real click in an element: in its middle, or at (x, y) of it."""
        box = self.show(selector)
        at = {"x": box["x"] + (box["width"] / 2 if x is None else x), "y": box["y"] + (box["height"] / 2 if y is None else y)}
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **at)

    def type(self, text):
        self.call("Input.insertText", text=text)

    def key(self, key, code):
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def screenshot(self, path):
        picture = base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
        with open(path, "wb") as file:
            file.write(picture)
        return picture

    def close(self):
        os.close(self.writing)  # the end of its pipe ends it
        self.process.wait(timeout=30)
        os.close(self.reading)
