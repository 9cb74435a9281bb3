"""Pictures of the site and of the pages that assay writes, wide and narrow, light and dark, to be looked at.

    python benchmarks/screenshots.py FOLDER            # builds the site, and takes all
    python benchmarks/screenshots.py FOLDER --pages tutorial comparison

A page that is wider than its window is named, and the exit status is 1: on a phone it would have to be pushed about. It
needs Chromium, and what `pip install '.[docs,plots]'` brings.
"""

import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parent.parent
SITE: Final = ROOT / "build" / "site"
PAGES: Final = {
    "home": SITE / "index.html",
    "tutorial": SITE / "tutorial.html",
    "adapters": SITE / "adapters.html",
    "clauses": SITE / "clauses.html",
    "command-line": SITE / "reference" / "command-line.html",
    "results": SITE / "results" / "index.html",
    "comparison": SITE / "results" / "comparison.html",
    "report": SITE / "results" / "torch.html",
    "properties": ROOT / "build" / "properties" / "index.html",
}
WIDTHS: Final = (1400, 400)
TALLEST: Final = 2600
"""Pixels of height beyond which a page is cut."""


class Browser:
    """Chromium, told what to do over two pipes (the DevTools protocol: JSON objects that end in a zero byte)."""

    def __init__(self, orders: int, replies: int) -> None:
        """Open a tab."""
        self._orders, self._replies, self._number, self._rest = orders, replies, 0, b""
        self._session = ""
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def order(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command, and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._orders, json.dumps(message).encode() + b"\0")
        while (reply := self._next()).get("id") != self._number:
            pass
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']['message']}")
        return dict(reply["result"])

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._replies, 1 << 16)
            if not read:
                raise RuntimeError("the browser has ended")
            self._rest += read
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def value(self, expression: str) -> Any:
        """Evaluate an expression of JavaScript in the page; a promise is waited for."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        return self.order("Runtime.evaluate", **asked)["result"].get("value")

    def picture(self, page: Path, width: int, *, dark: bool) -> tuple[bytes, int]:
        """Return a page as PNG, and how many pixels it is wider than its window."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.order("Emulation.setEmulatedMedia", features=[scheme])
        window = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
        self.order("Emulation.setDeviceMetricsOverride", **window)
        self.order("Page.navigate", url=page.as_uri())
        self.value("new Promise(done => setTimeout(done, 1500))")  # the theme's scripts have run by then
        height = min(self.value("document.documentElement.scrollHeight"), TALLEST)
        over = self.value("document.documentElement.scrollWidth - innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.order("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        return base64.b64decode(shot["data"]), over


@contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium without a window, and end it."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        sys.exit("there is no Chromium on this machine")
    (orders_in, orders), (replies, replies_out) = os.pipe(), os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe"]
        command = [program, *options, f"--user-data-dir={profile}"]
        shell = ["sh", "-c", f'exec "$@" 3<&{orders_in} 4>&{replies_out}', "sh", *command]
        ends = (orders_in, replies_out)
        process = subprocess.Popen(shell, pass_fds=ends, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for end in ends:
            os.close(end)
        try:
            yield Browser(orders, replies)
        finally:
            process.terminate()
            process.wait()


def build() -> None:
    """Build the site, and the page of properties."""
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "-q", "--strict", "-f", ROOT / ".ci" / "site" / "mkdocs.yml"]
    subprocess.run(mkdocs, check=True, env=quiet)
    properties = [sys.executable, "-P", "-m", "assay.conformance.interface.command_line", "properties"]
    folder = PAGES["properties"].parent
    subprocess.run([*properties, "--out", folder], check=True, stdout=subprocess.DEVNULL, cwd=tempfile.gettempdir())


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--as-it-is", action="store_true", help="of the pages as they were built before")
    given = parser.parse_args()
    if not given.as_it_is:
        build()
    given.folder.mkdir(parents=True, exist_ok=True)
    wide = []
    with browser() as tab:
        for name in given.pages:
            for width in WIDTHS:
                for scheme in ("light", "dark"):
                    png, over = tab.picture(PAGES[name], width, dark=scheme == "dark")
                    (given.folder / f"{name}-{width}-{scheme}.png").write_bytes(png)
                    if over > 0 and scheme == "light":
                        wide.append(f"{name} is {over} pixels wider than a window of {width}")
    print(*wide, sep="\n", end="\n" if wide else "")
    sys.exit(1 if wide else 0)


if __name__ == "__main__":
    main()
