"""A call on a page, as a user sees and hears it."""

from __future__ import annotations

from typing import Any

from playwright.async_api import Page, expect

STEP_MS = 20_000

LISTEN = """
() => {
  const plain = RTCPeerConnection;
  window.heard = { connections: [], loudest_hz: 0, peak: 0, energy: 0 };
  window.RTCPeerConnection = class extends plain {
    constructor(...args) {
      super(...args);
      window.heard.connections.push(this);
      this.addEventListener("track", ({ track, streams }) => {
        const context = new AudioContext();
        const source = context.createMediaStreamSource(
          streams[0] ?? new MediaStream([track]));
        const analyser = context.createAnalyser();
        analyser.fftSize = 8192;
        source.connect(analyser);
        const bins = new Float32Array(analyser.frequencyBinCount);
        setInterval(() => {
          analyser.getFloatFrequencyData(bins);
          const top = bins.reduce((best, db, i) => (db > bins[best] ? i : best), 0);
          if (bins[top] > -50) {
            window.heard.peak = bins[top];
            window.heard.loudest_hz = (top * context.sampleRate) / analyser.fftSize;
          }
        }, 50);
      });
    }
  };
}
"""

STATS = """
async () => {
  const found = { bytes: 0, energy: 0, concealed: 0, sent: 0 };
  for (const pc of window.heard.connections) {
    for (const stat of (await pc.getStats()).values()) {
      if (stat.type === "inbound-rtp") {
        found.bytes += stat.bytesReceived;
        found.energy += stat.totalAudioEnergy ?? 0;
        found.concealed += stat.concealedSamples ?? 0;
      }
      if (stat.type === "outbound-rtp") found.sent += stat.bytesSent;
    }
  }
  return found;
}
"""


class Call:
    """The call on `page`, or on the part of it that `within` selects."""

    def __init__(self, page: Page, within: str = "body") -> None:
        self.page = page
        self._root = page.locator(within)

    async def open(self, url: str) -> None:
        """Go to the page; what its calls receive is listened to."""
        await self.page.add_init_script(f"({LISTEN})()")
        await self.page.goto(url)
        await expect(self._root.get_by_test_id("start")).to_be_visible(timeout=STEP_MS)

    async def start(self) -> None:
        """Press the button."""
        await self._root.get_by_test_id("start").click()

    async def stop(self) -> None:
        """Press the other button."""
        await self._root.get_by_test_id("stop").click()

    async def becomes(self, *states: str) -> None:
        """Wait until the call is in one of the states."""
        status = self._root.get_by_test_id("status")
        pattern = "|".join(states)
        await expect(status).to_have_attribute(
            "data-state", _regex(pattern), timeout=STEP_MS
        )

    async def says(self) -> str:
        """The status line."""
        return await self._root.get_by_test_id("status").inner_text()

    async def stats(self) -> dict[str, Any]:
        """What getStats knows of all connections of the page."""
        return await self.page.evaluate(STATS)

    async def heard_hz(self) -> float:
        """The loudest frequency that was received."""
        return await self.page.evaluate("window.heard.loudest_hz")


def _regex(pattern: str) -> Any:
    import re

    return re.compile(f"^({pattern})$")
