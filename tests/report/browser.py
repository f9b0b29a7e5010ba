# SPDX-License-Identifier: Apache-2.0
"""A real browser, by the protocol that its driver speaks; no library is needed for it."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--enable-unsafe-swiftshader",  # surfaces are drawn without a graphics card
)


def find_browser() -> str:
    """Return why there is none, or nothing."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"not installed: {' and '.join(missing)}" if missing else ""


class Browser:
    """One tab."""

    def __init__(self, address: str) -> None:
        self.address = address

    def call(self, path: str, content: dict[str, Any] | None = None) -> Any:
        """Send a command, and return its value."""
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"})
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]

    def run(self, script: str) -> Any:
        """Run a script in the page, and return what it returns."""
        return self.call("/execute/sync", {"script": script, "args": []})

    def messages(self) -> list[str]:
        """Return what the console was told since the last call, what is about drawing speed left out."""
        entries = self.call("/se/log", {"type": "browser"})
        speed = ("GPU stall", "willReadFrequently", "software WebGL")
        return [
            entry["message"]
            for entry in entries
            if entry["level"] == "SEVERE"
            or (entry["level"] == "WARNING" and not any(words in entry["message"] for words in speed))
        ]

    def go(self, address: str) -> None:
        """Load a page."""
        self.call("/url", {"url": address})

    def resize(self, width: int, height: int = 900) -> None:
        """Make the page as wide as this, a telephone's if it is narrow."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": size})

    def picture(self, path: Path) -> None:
        """Write what the tab shows."""
        path.write_bytes(base64.b64decode(self.call("/screenshot")))


@contextlib.contextmanager
def open_page(page: Path | str, profile: Path, width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """Open a file or an address in a browser of this width, and end the browser afterwards."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert driver.stdout is not None
        port = next(line.rsplit(" ", 1)[1].strip(" .\n") for line in driver.stdout if "successfully on port" in line)
        metrics = {"width": width, "height": height, "pixelRatio": 1, "mobile": width < 600}
        options = {
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "mobileEmulation": {"deviceMetrics": metrics},
        }
        wanted = {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
        root = f"http://127.0.0.1:{port}/session"
        session = Browser(root).call("", {"capabilities": wanted})["sessionId"]
        tab = Browser(f"{root}/{session}")
        try:
            tab.go(page if isinstance(page, str) else page.resolve().as_uri())
            yield tab
        finally:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(tab.address, method="DELETE"), timeout=30)
    finally:
        driver.terminate()
        driver.communicate(timeout=30)


def wait_for(tab: Browser, script: str, seconds: float = 60) -> None:
    """Wait until a script returns something true."""
    end = time.monotonic() + seconds
    while not tab.run(script):
        assert time.monotonic() < end, f"never true: {script}"
        time.sleep(0.2)
