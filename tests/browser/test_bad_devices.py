"""Devices that are taken, forbidden or pulled out, and calls that are already open."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from .calls import STEP_MS, Call
from .conftest import failures_of
from .test_modes import LIVE, left_after, set_slider

pytestmark = pytest.mark.browser

REFUSE = """
(() => {
  const media = navigator.mediaDevices;
  const ask = media.getUserMedia.bind(media);
  window.refused = %s;
  media.getUserMedia = async (constraints) => {
    if (window.refused && constraints[window.refused[0]])
      throw new DOMException(window.refused[2] ?? "", window.refused[1]);
    return await ask(constraints);
  };
})()
"""
CAMERA_IN_USE = '["video", "NotReadableError"]'
CAMERA_DENIED = '["video", "NotAllowedError", "Permission denied"]'
PERMISSION = """
(() => {
  window.camera = Object.assign(new EventTarget(), { state: "granted" });
  const query = navigator.permissions.query.bind(navigator.permissions);
  navigator.permissions.query = async (wish) =>
    wish.name === "camera" ? window.camera : await query(wish);
})()
"""
DECIDE = """
([state, refused]) => {
  window.refused = refused;
  window.camera.state = state;
  window.camera.dispatchEvent(new Event("change"));
}
"""
UNPLUG = """
(kind) => {
  const track = window.opened.findLast(
    (one) => one.kind === kind && one.readyState === "live");
  track.stop();
  track.dispatchEvent(new Event("ended"));
}
"""


async def toasted(page: Page, text: str) -> None:
    """Wait until the page has told that in a corner."""
    toast = page.get_by_test_id("toast-body").get_by_text(text)
    await expect(toast.first).to_be_visible(timeout=STEP_MS)


async def test_a_call_goes_on_with_sound_when_the_camera_is_in_use(
    modes: str, page: Page
) -> None:
    """Lost otherwise: every call while another program films."""
    await page.add_init_script(REFUSE % CAMERA_IN_USE)
    call = Call(page)
    await call.open(f"{modes}/audio-video/send-receive/")
    await call.start()
    await call.becomes(*LIVE)
    await call.hears(440)
    await toasted(page, "The call goes on without a camera.")
    await toasted(page, "The camera is in use by another program.")
    # Free again: the camera button's menu brings it back into the same call.
    await page.evaluate("window.refused = null")
    await page.get_by_test_id("mic-menu").click()
    await page.get_by_test_id("camera-option").first.click()
    await call.sees("red,blue")


@pytest.mark.parametrize(
    ("refusal", "advice"),
    [
        (CAMERA_IN_USE, "The camera is in use by another program. Close that"),
        (CAMERA_DENIED, "The camera is blocked. Allow it in your browser's"),
        ('["video", "NotFoundError"]', "No camera was found. Plug one in"),
    ],
    ids=["in use", "denied", "none"],
)
async def test_a_page_says_what_to_do_without_a_camera(
    modes: str, page: Page, refusal: str, advice: str
) -> None:
    """Lost otherwise: a user who sees nothing and doesn't know why."""
    await page.add_init_script(REFUSE % refusal)
    call = Call(page)
    await call.open(f"{modes}/video/send-receive/")
    await call.start()
    await call.becomes("failed")
    assert advice in await call.says()
    await page.evaluate("window.refused = null")
    await call.start()
    await call.sees("red,blue")


async def test_a_question_answered_with_no_is_not_asked_again(
    modes: str, page: Page
) -> None:
    """Lost otherwise: a page that pesters, or films whoever allowed sound alone."""
    await page.add_init_script(REFUSE % CAMERA_DENIED)
    call = Call(page)
    await call.open(f"{modes}/audio-video/send/")
    await call.start()
    await call.becomes("failed")
    assert "are blocked. Allow them in your browser's" in await call.says()
    assert await call.asked() == ["audio,video"]
    assert await call.open_devices() == 0


async def test_an_unplugged_camera_is_replaced_or_done_without(
    modes: str, page: Page
) -> None:
    """Lost otherwise: a call that ends, or freezes, with a cable pulled."""
    await page.add_init_script(REFUSE % "null")
    call = Call(page)
    await call.open(f"{modes}/audio-video/send-receive/")
    await call.start()
    await call.sees("red,blue")
    await page.evaluate(UNPLUG, "video")
    await page.wait_for_function(
        "window.opened.filter((track) => track.kind === 'video').length === 2"
    )
    before = await frames_sent(page)
    await page.wait_for_function(MORE_SENT, arg=before, timeout=STEP_MS)
    await page.evaluate('window.refused = ["video", "NotFoundError"]')
    await page.evaluate(UNPLUG, "video")
    await toasted(page, "The camera stopped working. Choose another one.")
    await call.becomes(*LIVE)
    await set_slider(page, 600)
    await call.hears(600)


MORE_SENT = """
async (before) => {
  const stats = await window.heard.connections.at(-1).getStats();
  return [...stats.values()].some((stat) => stat.type === "outbound-rtp"
    && stat.kind === "video" && stat.framesSent > before + 5);
}
"""


async def frames_sent(page: Page) -> int:
    """How many pictures have left the page."""
    return await page.evaluate(
        """async () => {
          const stats = await window.heard.connections.at(-1).getStats();
          const sent = [...stats.values()].find((stat) =>
            stat.type === "outbound-rtp" && stat.kind === "video");
          return sent.framesSent;
        }"""
    )


async def test_an_unplugged_microphone_is_replaced_or_done_without(
    modes: str, page: Page
) -> None:
    """Lost otherwise: a call that ends when a headset's battery does."""
    await page.add_init_script(REFUSE % "null")
    call = Call(page)
    await call.open(f"{modes}/audio/send-receive/")
    await call.start()
    await call.becomes(*LIVE)
    await page.evaluate(UNPLUG, "audio")
    # What is said into the other one is answered.
    await call.becomes("speaking")
    await call.hears(440)
    await page.evaluate('window.refused = ["audio", "NotFoundError"]')
    await page.evaluate(UNPLUG, "audio")
    await toasted(page, "The microphone stopped working. Choose another one.")
    await call.becomes(*LIVE)
    await call.stop()
    await call.becomes("ended")


async def test_a_permission_taken_back_in_the_call_may_be_given_again(
    modes: str, page: Page
) -> None:
    """Lost otherwise: a camera that goes on, or a call that ends, for a click."""
    for script in (REFUSE % "null", PERMISSION):
        await page.add_init_script(script)
    call = Call(page)
    await call.open(f"{modes}/audio-video/send-receive/")
    await call.start()
    await call.sees("red,blue")
    denial = ["video", "NotAllowedError", "Permission denied"]
    await page.evaluate(DECIDE, ["denied", denial])
    await toasted(page, "The camera is blocked. Allow it in your browser's")
    assert await call.open_devices() == 1
    await page.evaluate(DECIDE, ["granted", None])
    await page.wait_for_function(
        "window.opened.filter((track) => track.readyState === 'live').length === 2"
    )
    before = await frames_sent(page)
    await page.wait_for_function(MORE_SENT, arg=before, timeout=STEP_MS)
    await call.becomes(*LIVE)


async def test_a_second_tab_with_the_same_name_takes_nothing_over(
    modes: str, chromium: Browser, page: Page
) -> None:
    """Lost otherwise: a call to whoever guesses, or copies, its name."""
    name = "audio/receive"
    mine, other = Call(page), Call(await chromium.new_page())
    failures = failures_of(other.page)
    await mine.open(f"{modes}/{name}/")
    await mine.start()
    await mine.hears(440)
    webrtc_id = await mine.webrtc_id()
    await other.page.add_init_script(f"crypto.randomUUID = () => '{webrtc_id}'")
    await other.open(f"{modes}/{name}/")
    await set_slider(other.page, 900)
    await other.start()
    await other.becomes("failed")
    assert "already open elsewhere" in await other.says()
    # Its inputs, and its end, are not the call's.
    await set_slider(other.page, 800)
    await other.page.close()
    assert failures == []
    await page.evaluate("window.heard.loudest_hz = 0")
    await mine.hears(440)
    await mine.becomes(*LIVE)
    await mine.stop()
    assert await left_after(page, modes, name, webrtc_id) == 0


async def test_inputs_after_the_end_are_those_of_the_next_call(
    modes: str, page: Page
) -> None:
    """Lost otherwise: errors for moving a slider, or a call with old values."""
    call = Call(page)
    await call.open(f"{modes}/audio/receive/")
    await call.start()
    await call.hears(440)
    await call.stop()
    await call.becomes("ended")
    await set_slider(page, 750)
    await call.start()
    await call.hears(750)
    assert await page.get_by_test_id("toast-body").count() == 0
    await call.stop()
    assert await left_after(page, modes, "audio/receive", await call.webrtc_id()) == 0
