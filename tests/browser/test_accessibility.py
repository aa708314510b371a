"""Calls without a mouse, without sight, and with captions alone."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .axe import tab_stops, violations
from .calls import STEP_MS, Call
from .test_modes import LIVE

pytestmark = pytest.mark.browser

BAR = ["mute", "camera", "mic-menu", "share", "stop"]
LOOKS = {"light": (1280, 900), "dark": (390, 844)}
"""Each theme at another width: in pixels, with the height."""

DENY = """
() => { navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException("Permission denied", "NotAllowedError"); } }
"""


class Inspection:
    """Looks at one state of a page after the other, and keeps what it finds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.found: list[str] = []

    async def look(self, state: str) -> None:
        self.found += [f"{state}: {one}" for one in await violations(self._page)]


async def opened(page: Page, url: str, theme: str) -> Call:
    """The page in one of the looks."""
    width, height = LOOKS[theme]
    await page.set_viewport_size({"width": width, "height": height})
    await page.emulate_media(reduced_motion="reduce")
    call = Call(page)
    await call.open(f"{url}?__theme={theme}")
    return call


@pytest.mark.parametrize("theme", list(LOOKS))
async def test_nothing_serious_is_wrong_with_a_video_call(
    modes: str, page: Page, theme: str
) -> None:
    """Lost otherwise: a call for people who use a screen reader."""
    call = await opened(page, f"{modes}/audio-video/send-receive/", theme)
    inspection = Inspection(page)
    await inspection.look("idle")
    await call.start()
    await call.becomes(*LIVE)
    await call.sees("red,blue")
    await expect(page.get_by_test_id("caption").first).to_be_visible(timeout=STEP_MS)
    await inspection.look("live, with captions")
    for menu in ("mic-menu", "more"):
        if await page.get_by_test_id(menu).count():
            await page.get_by_test_id(menu).click()
            await expect(page.get_by_role("menu")).to_be_visible()
            await inspection.look(f"{menu} open")
            await page.keyboard.press("Escape")
    await page.get_by_test_id("transcript").click()
    await page.get_by_test_id("camera").click()
    await page.get_by_test_id("mute").click()
    await inspection.look("muted, the whole transcript")
    await call.stop()
    await call.becomes("ended")
    await inspection.look("ended")
    assert inspection.found == []


@pytest.mark.parametrize("theme", list(LOOKS))
async def test_nothing_serious_is_wrong_with_a_voice_call_or_its_failure(
    modes: str, page: Page, theme: str
) -> None:
    """Lost otherwise: why a call failed, for people who can't see that it did."""
    call = await opened(page, f"{modes}/audio/send-receive/", theme)
    inspection = Inspection(page)
    await inspection.look("idle")
    await call.start()
    await call.becomes(*LIVE)
    await inspection.look("live")
    await page.get_by_test_id("more").click()
    await inspection.look("more open")
    await page.get_by_test_id("more-quality").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    await inspection.look("figures open")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await call.stop()
    await page.evaluate(DENY)
    await call.start()
    await call.becomes("failed")
    await inspection.look("failed")
    assert inspection.found == []


async def test_what_is_wrong_is_found(textbox: str, page: Page) -> None:
    """Lost otherwise: what the tests above say, should they look at nothing."""
    await opened(page, textbox, "light")
    await page.get_by_test_id("text").fill("pale")
    await page.get_by_test_id("text").evaluate(
        """(field) => {
          field.style.color = "#ccc";
          field.after(document.createElement("button"));
        }"""
    )
    found = " ".join(await violations(page))
    assert "button-name" in found
    assert "color-contrast" in found


@pytest.mark.parametrize("theme", list(LOOKS))
async def test_nothing_serious_is_wrong_with_the_textbox(
    textbox: str, page: Page, theme: str
) -> None:
    """Lost otherwise: typing, for those who can use nothing else."""
    call = await opened(page, textbox, theme)
    inspection = Inspection(page)
    await inspection.look("idle")
    await page.get_by_test_id("text").fill("hello")
    await inspection.look("typed")
    await call.start()
    await call.becomes(*LIVE)
    await inspection.look("live")
    await page.get_by_test_id("more").click()
    await inspection.look("more open")
    assert inspection.found == []


async def test_tab_reaches_every_control_in_the_order_of_reading(
    modes: str, page: Page
) -> None:
    """Lost otherwise: buttons that only a mouse can press."""
    call = await opened(page, f"{modes}/audio-video/send-receive/", "light")
    await call.start()
    await call.sees("red,blue")
    await expect(page.get_by_test_id("caption").first).to_be_visible(timeout=STEP_MS)
    await page.locator(".fastrtc").focus()
    stops = await tab_stops(page)
    names = [name for name, _, _ in stops]
    visible = await page.locator(".fastrtc button:visible").evaluate_all(
        "(buttons) => buttons.map((button) => button.dataset.testid)"
    )
    assert [name for name in names if name != "log"] == visible
    assert "log" in names, "captions that don't fit can't be scrolled"
    assert [name for name in names if name in BAR] == BAR
    bar = stops[names.index("mute") :]
    assert [x for _, x, _ in bar] == sorted(x for _, x, _ in bar)
    assert max(y for _, _, y in stops[: -len(bar)]) < min(y for _, _, y in bar)


async def test_enter_space_escape_and_letters_do_what_a_click_does(
    modes: str, page: Page
) -> None:
    """Lost otherwise: muting in a hurry, and the place on the page after a menu."""
    call = await opened(page, f"{modes}/audio-video/send-receive/", "light")
    await page.get_by_test_id("start").focus()
    await page.keyboard.press("Enter")
    await call.becomes(*LIVE)
    await expect(page.get_by_test_id("stop")).to_be_focused()
    mute, camera = page.get_by_test_id("mute"), page.get_by_test_id("camera")
    for key, switch in (("m", mute), ("v", camera)):
        for pressed in ("true", "false"):
            await page.keyboard.press(key)
            await expect(switch).to_have_attribute("aria-pressed", pressed)
    for key in ("Enter", "Space"):
        await mute.focus()
        await page.keyboard.press(key)
    await expect(mute).to_have_attribute("aria-pressed", "false")

    devices = page.get_by_test_id("mic-menu")
    await devices.focus()
    await page.keyboard.press("Space")
    items = page.get_by_role("menuitemradio")
    await expect(items.first).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(items.nth(1)).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("menu")).to_have_count(0)
    await expect(devices).to_be_focused()

    quality = page.get_by_test_id("quality")
    await quality.focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await expect(quality).to_be_focused()

    await page.get_by_test_id("stop").focus()
    await page.keyboard.press("Space")
    await call.becomes("ended")
    await expect(page.get_by_test_id("start")).to_be_focused()
    # Letters are letters where one types, and nothing once the call is over.
    await page.locator("#hz input[type=number]").focus()
    await page.keyboard.press("m")
    await expect(mute).to_have_count(0)
