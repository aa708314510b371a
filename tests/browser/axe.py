"""What axe-core finds wrong with a page, and what the keyboard reaches on it."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page

from .conftest import ROOT

AXE = ROOT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
BAD = ("serious", "critical")

RUN = """
async () => {
  const { violations } = await axe.run(".fastrtc", { resultTypes: ["violations"] });
  return violations.map(({ id, impact, nodes }) => ({
    id, impact,
    nodes: nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`),
  }));
}
"""

STANDING_STILL = """
() => document.querySelector(".fastrtc").getAnimations({ subtree: true })
  .every(({ effect }) => effect.getComputedTiming().iterations === Infinity)
"""

FOCUSED = """
() => {
  const element = document.activeElement;
  if (!element?.closest(".fastrtc")) return null;
  const { x, y } = element.getBoundingClientRect();
  return [element.dataset.testid ?? element.getAttribute("role"), x, y];
}
"""


async def violations(page: Page) -> list[str]:
    """The serious and critical faults of the call, each with where it is."""
    if not AXE.exists():
        pytest.fail("axe-core is not installed: run `npm ci` in frontend/")
    if not await page.evaluate("'axe' in window"):
        await page.add_script_tag(path=AXE)
    # Colours in the middle of a transition are nobody's choice.
    await page.wait_for_function(STANDING_STILL)
    found: list[dict[str, Any]] = await page.evaluate(RUN)
    return [
        f"{one['id']} ({one['impact']}): {node}"
        for one in found
        if one["impact"] in BAD
        for node in one["nodes"]
    ]


async def tab_stops(page: Page) -> list[tuple[str, float, float]]:
    """What Tab reaches in the call from where the focus is: names and places."""
    stops: list[tuple[str, float, float]] = []
    while True:
        await page.keyboard.press("Tab")
        found = await page.evaluate(FOCUSED)
        if found is None:
            return stops
        stops.append(tuple(found))
