"""A call whose network is cut: it comes back by itself, and the handler lives on."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import httpx
import pytest
from playwright.async_api import Page

from .calls import STEP_MS, Call
from .conftest import Serve

pytestmark = pytest.mark.browser
LIVE = ("listening", "hearing", "thinking", "speaking")

PICTURES = """
(count) => new Promise((resolve) => {
  const video = document.querySelector("[data-testid=video-stage] .picture video");
  let seen = 0;
  const next = () => {
    if (++seen === count) resolve();
    else video.requestVideoFrameCallback(next);
  };
  video.requestVideoFrameCallback(next);
})
"""
"""So many new pictures were shown on the page."""
ATTEMPTS = "() => window.heard.connections.length"


async def post_cut(url: str, seconds: float) -> None:
    async with httpx.AsyncClient(timeout=60) as http:
        await http.post(f"{url}/cut", params={"seconds": seconds})


async def counts(url: str) -> list[dict[str, int]]:
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{url}/counts")).json()


async def see_pictures(page: Page, count: int) -> None:
    """Wait until so many more pictures were shown."""
    await asyncio.wait_for(page.evaluate(PICTURES, count), STEP_MS / 1000)


@pytest.mark.parametrize("seconds", [3, 20])
async def test_a_cut_network_heals(serve: Serve, page: Page, seconds: int) -> None:
    """Without it, a tunnel would end the call, and the bot forget the user."""
    call = Call(page)
    url = serve("tests/browser/apps/cut.py")
    await call.open(url)
    await call.start()
    await call.becomes(*LIVE)
    await see_pictures(page, 10)
    before = await counts(url)
    assert len(before) == 1
    await post_cut(url, seconds)
    began_s = time.monotonic()
    await call.becomes(*LIVE)
    print(f"{seconds} s: live {time.monotonic() - began_s:.2f} s after the cut")
    await see_pictures(page, 20)
    after: list[Any] = await counts(url)
    # The same handler, which goes on counting.
    assert len(after) == 1
    assert after[0]["sounds"] > before[0]["sounds"] + 10
    assert after[0]["pictures"] > before[0]["pictures"] + 5
    connections = await page.evaluate(ATTEMPTS)
    print(f"{seconds} s: {connections} peer connections")
    assert (connections == 1) == (seconds == 3)
    await call.stop()
    await call.becomes("ended")


async def test_the_user_is_told_while_it_lasts(serve: Serve, page: Page) -> None:
    """Without it, people would talk into a dead line."""
    call = Call(page)
    url = serve("tests/browser/apps/cut.py")
    await call.open(url)
    await call.start()
    await call.becomes(*LIVE)
    async with httpx.AsyncClient(timeout=60) as http:
        cut = asyncio.ensure_future(http.post(f"{url}/cut", params={"seconds": 12}))
        await call.becomes("reconnecting")
        assert "econnect" in await call.says()
        await cut
    await call.becomes(*LIVE)
    await call.stop()
