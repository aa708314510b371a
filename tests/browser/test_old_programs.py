"""Video, text and pages of one's own, as programs written for FastRTC have them."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from .calls import DEVICES, SIDES, STEP_MS, Call
from .conftest import Serve, failures_of
from .test_modes import LIVE

pytestmark = pytest.mark.browser

CLOSED = "() => peerConnection.connectionState === 'closed'"
"""Half a second after the button: the page sees to that itself."""


@pytest.fixture(scope="module")
def server(serve_all: Serve) -> str:
    return serve_all("tests/browser/apps/old_programs.py")


async def test_object_detection_of_a_stream(server: str, page: Page) -> None:
    """Lost otherwise: every video filter written for FastRTC."""
    call = Call(page)
    await call.open(f"{server}/detection/")
    await call.start()
    await call.sees("green,red")


async def test_object_detection_in_blocks_with_a_time_limit(
    server: str, page: Page
) -> None:
    """Lost otherwise: filters with a page of their own, and fair shares of a GPU."""
    call = Call(page)
    await call.open(f"{server}/detection-blocks/")
    await call.start()
    await call.sees("green,red")
    number = page.locator("#threshold input[type=number]")
    await number.fill("1")
    await number.press("Tab")
    await call.sees("green,green")
    await call.becomes("ended")
    assert await call.open_devices() == 0


async def test_a_film_of_the_server_ends_with_none(server: str, page: Page) -> None:
    """Lost otherwise: films read with OpenCV, whose last frame is None."""
    call = Call(page)
    await call.open(f"{server}/generation/")
    await page.locator("#play").click()
    await call.sees("red,red")
    await call.becomes("ended")
    assert await call.asked() == []


async def test_sound_and_picture_reach_a_service_and_come_back(
    server: str, page: Page
) -> None:
    """Lost otherwise: agents that see, such as those that talk to Gemini."""
    call = Call(page)
    await call.open(f"{server}/gemini/")
    await call.start()
    await call.becomes(*LIVE)
    await call.sees("blue,red")
    await call.hears(440)
    assert await call.asked() == ["audio,video"]
    await call.stop()
    await call.becomes("ended")


async def test_a_conversation_in_writing_and_aloud(server: str, page: Page) -> None:
    """Lost otherwise: chats that take text and voice."""
    call = Call(page)
    await call.open(f"{server}/textbox/")
    await page.get_by_test_id("text").fill("hello")
    await page.get_by_test_id("text").press("Enter")
    chat = page.locator("#chat")
    answer = chat.get_by_text("You said: hello")
    await expect(answer).to_be_visible(timeout=STEP_MS)
    await call.start()
    answer = chat.get_by_text("You said: something spoken")
    await expect(answer).to_be_visible(timeout=STEP_MS)


async def test_a_page_of_hand_written_javascript(
    server: str, chromium: Browser, page: Page
) -> None:
    """Lost otherwise: front ends that know FastRTC's HTTP interface alone."""
    output = page.locator("#output")
    for script in (DEVICES, SIDES):
        await page.add_init_script(f"({script})()")
    await page.goto(server)
    await page.locator("#start-button").click()
    await expect(output).to_have_text("threshold 0.5", timeout=STEP_MS)
    await Call(page).sees("green,red", "#video-output")
    await page.locator("#conf-threshold").fill("1")
    await expect(output).to_have_text("threshold 1.0", timeout=STEP_MS)
    await Call(page).sees("green,green", "#video-output")

    second = await chromium.new_page()
    failures = failures_of(second)
    await second.goto(server)
    await second.locator("#start-button").click()
    error = second.locator("#error")
    await expect(error).to_have_text(
        "Too many connections. Maximum limit is 1", timeout=STEP_MS
    )
    await page.locator("#start-button").click()
    await page.wait_for_function(CLOSED)
    await second.wait_for_function(CLOSED)
    await second.locator("#start-button").click()
    await expect(second.locator("#output")).to_have_text(
        "threshold 0.5", timeout=STEP_MS
    )
    await second.close()
    assert failures == []
