"""Every modality in every mode, on its Gradio page, with a camera and a microphone."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from playwright.async_api import Browser, Page, expect

from .calls import OWN_PICTURE, STEP_MS, Call
from .conftest import failures_of

pytestmark = pytest.mark.browser
LIVE = ("listening", "hearing", "thinking", "speaking")
MODALITIES = ("audio", "video", "audio-video")
MODES = ("send-receive", "send", "receive")


async def left_after(page: Page, server: str, name: str, webrtc_id: str) -> int:
    """Wait for the end of a call on the server; how many are left there."""
    query = f"page={name}&webrtc_id={webrtc_id}"
    answer = await page.request.get(f"{server}/ended?{query}")
    return await answer.json()


async def set_slider(page: Page, hz: int) -> None:
    """Type a value and leave the field."""
    number = page.locator("#hz input[type=number]")
    await number.fill(str(hz))
    await number.press("Tab")


@pytest.mark.parametrize(
    ("modality", "mode"), list(itertools.product(MODALITIES, MODES))
)
async def test_what_is_sent_arrives_and_what_comes_back_is_seen_and_heard(
    modes: str, page: Page, modality: str, mode: str
) -> None:
    """Lost otherwise: one of the nine kinds of stream on its own page."""
    name = f"{modality}/{mode}"
    call = Call(page)
    await call.open(f"{modes}/{name}/")
    await call.start()
    await call.becomes(*LIVE)
    sends, receives = mode != "receive", mode != "send"
    kinds = modality.replace("-", ",")
    if receives and "audio" in modality:
        await call.hears(440)
        assert (await call.stats())["energy"] > 0.001
    if "video" in modality:
        shown = {"send-receive": "red,blue", "send": "blue,red"}
        await call.sees(shown.get(mode, "green,green"))
        if sends and receives:
            await call.sees("blue,red", OWN_PICTURE)
    told = "440 Hz"
    if sends and "video" in modality:
        told += ", blue,red"
    field = page.locator("#told textarea")
    await expect(field).to_have_value(told, timeout=STEP_MS)
    assert await call.asked() == ([kinds] if sends else [])
    await call.stop()
    await call.becomes("ended")
    assert await call.open_devices() == 0
    assert await left_after(page, modes, name, await call.webrtc_id()) == 0


async def test_a_slider_moved_in_the_call_reaches_the_handler(
    modes: str, page: Page
) -> None:
    """Lost otherwise: thresholds of video filters, which do nothing when moved."""
    call = Call(page)
    await call.open(f"{modes}/video/send-receive/")
    await call.start()
    await call.sees("red,blue")
    await set_slider(page, 700)
    field = page.locator("#told textarea")
    await expect(field).to_have_value("700 Hz, blue,red", timeout=STEP_MS)


async def test_a_button_of_ones_own_starts_what_is_played(
    modes: str, page: Page
) -> None:
    """Lost otherwise: pages whose own button starts a film or a song."""
    call = Call(page)
    await call.open(f"{modes}/player/")
    await set_slider(page, 800)
    await page.locator("#play").click()
    await call.becomes(*LIVE)
    await call.hears(800)
    field = page.locator("#told textarea")
    await expect(field).to_have_value("800 Hz", timeout=STEP_MS)
    assert await call.asked() == []
    await call.stop()
    await call.becomes("ended")
    assert await left_after(page, modes, "player", await call.webrtc_id()) == 0


async def test_two_tabs_have_a_call_each(
    modes: str, chromium: Browser, page: Page
) -> None:
    """Lost otherwise: one user's picture and inputs on another's page."""
    other = await chromium.new_page()
    failures = failures_of(other)
    name = "audio-video/receive"
    calls = Call(page), Call(other)
    for call, hz in zip(calls, (300, 900), strict=True):
        await call.open(f"{modes}/{name}/")
        await set_slider(call.page, hz)
        await call.start()
        await call.becomes(*LIVE)
    await asyncio.gather(calls[0].hears(300), calls[1].hears(900))
    for call, hz in zip(calls, (300, 900), strict=True):
        await call.sees("green,green")
        field = call.page.locator("#told textarea")
        await expect(field).to_have_value(f"{hz} Hz", timeout=STEP_MS)
    assert failures == []
    await calls[0].stop()
    assert await left_after(page, modes, name, await calls[0].webrtc_id()) == 1
    closed = await calls[1].webrtc_id()
    await other.close()
    assert await left_after(page, modes, name, closed) == 0
