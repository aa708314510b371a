"""Typing and talking to the same bot."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .calls import STEP_MS, Call

pytestmark = pytest.mark.browser

MARK = """
() => { window.typedAt = performance.now(); }
"""
ANSWERED_MS = """
() => Math.abs(window.heard.loudest_hz - 880) < 12
  ? performance.now() - window.typedAt : 0
"""
ANSWERS_WITHIN_MS = 1_500


async def written(page: Page, text: str) -> None:
    """Wait until that stands in the chat."""
    said = page.locator("#chat").get_by_text(text, exact=True)
    await expect(said).to_be_visible(timeout=STEP_MS)


async def type_text(page: Page, text: str) -> None:
    """Write a message and send it with Enter."""
    await page.get_by_test_id("text").fill(text)
    await page.get_by_test_id("text").press("Enter")


async def test_what_is_typed_is_answered_without_a_microphone(
    textbox: str, page: Page
) -> None:
    """Lost otherwise: whoever can't or won't speak."""
    call = Call(page)
    await call.open(textbox)
    for text in ("hello", "and again"):
        await type_text(page, text)
        await written(page, text)
        await written(page, f"Answer to {text}")
        await expect(page.get_by_test_id("text")).to_have_value("")
    assert await call.asked() == []


async def test_a_typed_text_silences_the_voice_and_is_answered(
    textbox: str, page: Page
) -> None:
    """Lost otherwise: a bot that talks can't be stopped but by talking louder."""
    call = Call(page)
    await call.open(textbox)
    await call.start()
    await written(page, "Answer to (spoken)")
    await call.hears(440)
    await page.get_by_test_id("text").fill("enough")
    await page.evaluate(MARK)
    await page.get_by_test_id("text").press("Enter")
    answered = await page.wait_for_function(ANSWERED_MS, timeout=STEP_MS)
    answered_ms = await answered.json_value()
    print(f"the typed text was answered aloud after {answered_ms:.0f} ms")
    assert answered_ms < ANSWERS_WITHIN_MS
    await written(page, "Answer to enough")
    assert await call.asked() == ["audio"]
    await call.stop()
    await expect(page.get_by_test_id("start")).to_be_visible(timeout=STEP_MS)
    assert await call.open_devices() == 0
    # Typing goes on where talking has ended.
    await type_text(page, "still there?")
    await written(page, "Answer to still there?")
