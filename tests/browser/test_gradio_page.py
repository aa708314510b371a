"""The Gradio page in a real browser."""

from __future__ import annotations

import time

import pytest
from playwright.async_api import Browser, Page, expect

from .calls import STEP_MS, Call
from .conftest import Serve

pytestmark = pytest.mark.browser
LIVE = ("listening", "hearing", "thinking", "speaking")


async def test_the_demo_answers_with_the_users_own_words(
    serve: Serve, page: Page
) -> None:
    """Without it the first thing a user tries doesn't work."""
    call = Call(page)
    await call.open(serve("demo/echo_audio/app.py"))
    started = time.monotonic()
    await call.start()
    await call.becomes(*LIVE)
    print(f"connected after {time.monotonic() - started:.2f} s")
    await call.becomes("hearing")
    await call.becomes("speaking")
    await call.becomes("listening")
    stats = await call.stats()
    assert stats["bytes"] > 5_000
    assert stats["energy"] > 0.001
    await call.stop()
    await call.becomes("ended")


@pytest.mark.parametrize("mode", ["plain", "ssr"])
async def test_a_tone_is_heard_as_it_was_made(
    serve: Serve, page: Page, mode: str
) -> None:
    """Without it the bot's voice may arrive distorted, or not under ssr_mode."""
    call = Call(page)
    await call.open(serve("tests/browser/apps/tone.py", mode))
    await call.start()
    await call.becomes("speaking")
    await page.wait_for_function("window.heard.loudest_hz > 0", timeout=STEP_MS)
    assert abs(await call.heard_hz() - 440) < 12


async def test_a_second_user_is_told_that_the_line_is_taken(
    serve: Serve, chromium: Browser, page: Page
) -> None:
    """Without it a busy app looks broken, and stays busy when a tab is closed."""
    url = serve("tests/browser/apps/tone.py")
    other = await chromium.new_page()
    first, second = Call(other), Call(page)
    await first.open(url)
    await first.start()
    await first.becomes(*LIVE)
    await second.open(url)
    await second.start()
    await second.becomes("failed")
    assert "one call at a time" in await second.says()
    await other.close()
    await page.get_by_test_id("start").click()
    await second.becomes(*LIVE)


async def test_the_handler_gets_inputs_and_its_outputs_reach_the_chat(
    serve: Serve, page: Page
) -> None:
    """Without it sliders do nothing and chats stay empty."""
    call = Call(page)
    await call.open(serve("demo/stream_handler/app.py"))
    await call.start()
    await call.becomes(*LIVE)
    await expect(page.get_by_text("after 0.5 s at 100 %")).to_be_visible(
        timeout=STEP_MS
    )
    await expect(page.get_by_text("s of sound").first).to_be_visible(timeout=STEP_MS)


async def test_two_calls_on_one_page_under_a_prefix_keep_their_outputs_apart(
    serve: Serve, page: Page
) -> None:
    """Without it outputs are lost, out of order, or land in the wrong place."""
    url = serve("tests/browser/apps/many.py") + "/talk/"
    for name in ("left", "right"):
        call = Call(page, f"#{name}")
        if name == "left":
            await call.open(url)
        await call.start()
        await call.becomes(*LIVE)
    for name in ("left", "right"):
        text = page.locator(f"#{name}-text textarea, #{name}-text input")
        await expect(text).to_have_value(f"{name}0! {name}1! {name}2!", timeout=STEP_MS)


async def test_a_blocked_microphone_is_explained(
    serve: Serve, chromium: Browser
) -> None:
    """Without it a user who said no once never finds out how to say yes."""
    context = await chromium.new_context(permissions=[])
    page = await context.new_page()
    await page.add_init_script(
        """navigator.mediaDevices.getUserMedia = async () => {
          throw new DOMException("Permission denied", "NotAllowedError"); }"""
    )
    call = Call(page)
    await call.open(serve("tests/browser/apps/tone.py"))
    await call.start()
    await call.becomes("failed")
    assert "Allow it in your browser" in await call.says()


async def test_the_keyboard_alone_makes_and_mutes_a_call(
    serve: Serve, page: Page
) -> None:
    """Without it people who use no mouse can't call."""
    call = Call(page)
    await call.open(serve("tests/browser/apps/tone.py"))
    await page.get_by_test_id("start").focus()
    await page.keyboard.press("Enter")
    await call.becomes(*LIVE)
    await page.keyboard.press("m")
    await expect(page.get_by_test_id("mute")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("stop").focus()
    await page.keyboard.press("Space")
    await call.becomes("ended")
