"""Perfetto itself, in a browser without a window: what it makes of a trace."""

import contextlib
import http.server
import queue
import subprocess
import threading
from functools import partial
from pathlib import Path

from tests.cli.browser import BROWSER

PAGE = """<!doctype html>
<iframe id="ui" src="/index.html"></iframe>
<script>
const ui = document.getElementById("ui").contentWindow;
const tell = (words) => fetch("/told", { method: "POST", body: JSON.stringify(words) });
let sent = false;
addEventListener("message", async (event) => {
  if (event.data !== "PONG" || sent) return;
  sent = true;
  const buffer = await (await fetch("/trace.json")).arrayBuffer();
  ui.postMessage({ perfetto: { buffer, title: "log" } }, "*");
});
async function rows(sql, spec) {
  const found = [], answer = await ui.app.trace.engine.query(sql);
  for (const at = answer.iter(spec); at.valid(); at.next()) {
    found.push(Object.keys(spec).map((name) => at[name]));
  }
  return found;
}
const SLICES = `select thread.name as name, category, depth, count(*) as n
  from slice join thread_track on slice.track_id = thread_track.id join thread using (utid)
  group by 1, 2, 3`;
const FAULTS = "select name, value as n from stats where value > 0 and severity != 'info'";
const waiting = setInterval(async () => {
  if (!sent) { ui.postMessage("PING", "*"); return; }
  if (!ui.app || !ui.app.trace) return;
  clearInterval(waiting);
  try {
    await tell({
      slices: await rows(SLICES, { name: "str", category: "str", depth: 0, n: 0 }),
      faults: await rows(FAULTS, { name: "str", n: 0 }),
    });
  } catch (error) { await tell({ error: String(error) }); }
}, 200);
</script>
"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serves Perfetto's own files, our page and a trace, and takes what the page tells."""

    def __init__(self, told, trace, *arguments, **options):
        self.told, self.trace = told, trace
        super().__init__(*arguments, **options)

    def do_GET(self):
        own = {"/page.html": ("text/html", PAGE.encode()), "/trace.json": ("text/json", self.trace)}
        if self.path not in own:
            super().do_GET()
            return
        kind, content = own[self.path]
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content)

    def do_POST(self):
        self.told.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        """Nobody reads it."""


@contextlib.contextmanager
def _served(directory, trace, told):
    handler = partial(_Handler, told, trace, directory=directory)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def opened_in_perfetto(ui: Path, trace: bytes, profile: Path, seconds=90):
    """What Perfetto found in a trace, as JSON text.

    Args:
        ui: The directory with the files of Perfetto's user interface.
        trace: The trace.
        profile: A directory for the browser.
        seconds: How long to wait for it.
    """
    told = queue.Queue()
    with _served(str(ui), trace, told) as port:
        command = [
            BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            f"--user-data-dir={profile}",
            f"http://127.0.0.1:{port}/page.html",
        ]  # fmt: skip
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, stdout=quiet, stderr=quiet) as browser:
            try:
                return told.get(timeout=seconds)
            finally:
                browser.terminate()
                browser.wait(timeout=30)
