"""Find a Chromium for the browser tests, or install one.

Run `python -m build_tools.browser` to install what is missing; it prints the
path of the browser.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

# Names it has on Debian, Fedora, Arch, macOS and with Google's own packages.
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SETTING = "FASTRTC_BROWSER"
ADVICE = (
    "no Chromium for the browser tests: install one with your system's packages "
    f"(Debian: apt-get install chromium), or set {SETTING} to the path of one"
)


def find_browser() -> str | None:
    """The path of a Chromium, or None.

    In this order: what FASTRTC_BROWSER names, one on the PATH, the one that
    Playwright installed.
    """
    named = os.environ.get(SETTING)
    if named:
        return shutil.which(named)
    for name in NAMES:
        path = shutil.which(name)
        if path is not None:
            return path
    return _of_playwright()


def install_browser() -> str | None:
    """Find a browser, and install one where there is none.

    As root where there is apt, Debian's package; Playwright's download
    everywhere else and where that fails.

    Returns:
        The browser's path, or None when nothing worked.
    """
    found = find_browser()
    if found is not None:
        return found
    if shutil.which("apt-get") and _is_root():
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        options = ["--yes", "--no-install-recommends"]
        if _run(["apt-get", "update"], environment):
            _run(["apt-get", "install", *options, "chromium"], environment)
        found = find_browser()
    if found is None:
        _run([sys.executable, "-m", "playwright", "install", "chromium"])
        found = find_browser()
    return found


def _of_playwright() -> str | None:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    with sync_playwright() as playwright:
        return shutil.which(playwright.chromium.executable_path)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _run(command: list[str], environment: dict[str, str] | None = None) -> bool:
    print("+", *command, file=sys.stderr, flush=True)
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        # The path that is printed last is the only thing on stdout.
        stdout=sys.stderr,
        check=False,
    )
    return done.returncode == 0


def main() -> int:
    """Print the browser's path, or what to do."""
    path = install_browser()
    if path is None:
        print(ADVICE, file=sys.stderr)
        return 1
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
