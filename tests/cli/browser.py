"""A real browser without a window, for the deep tests."""

import shutil
import subprocess

import pytest

BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


def dom_of(page, *options):
    """The document that a page has become once its programs have run."""
    command = [
        BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1280,3000",
        "--allow-file-access-from-files", "--virtual-time-budget=10000", *options,
        "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=180, check=True).stdout
