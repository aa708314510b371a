"""Functions of pictures: what they may be, give, raise, and how slow they may be."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

from fastrtc import (
    AdditionalOutputs,
    Caption,
    CloseStream,
    VideoStreamHandler,
    get_current_context,
)
from fastrtc.media import Media
from fastrtc.options import VIDEO_ERRORS_IN_A_ROW
from tests.support.pictures import BLUE, GREEN, RED, Viewer, halves, plain, sides_of

pytestmark = pytest.mark.virtual_time

BOTH_WAYS = Media("video", "send-receive")
SENDING = Media("video", "send")


def flip(frame: Any) -> Any:
    return np.flip(frame, axis=1)


async def flip_async(frame: Any) -> Any:
    await asyncio.sleep(0)
    return np.flip(frame, axis=1)


def flip_generator(frame: Any) -> Iterator[Any]:
    yield np.flip(frame, axis=1)


async def flip_async_generator(frame: Any) -> AsyncIterator[Any]:
    yield np.flip(frame, axis=1)


def flip_later(frame: Any) -> Any:
    return flip_async(frame)


def along(axis: int, frame: Any) -> Any:
    return np.flip(frame, axis=axis)


class Flipper:
    def __call__(self, frame: Any) -> Any:
        return np.flip(frame, axis=1)

    def method(self, frame: Any) -> Any:
        return np.flip(frame, axis=1)

    async def async_method(self, frame: Any) -> Any:
        return np.flip(frame, axis=1)


@pytest.mark.parametrize(
    "handler",
    [
        flip,
        flip_async,
        flip_generator,
        flip_async_generator,
        flip_later,
        partial(along, 1),
        Flipper(),
        Flipper().method,
        Flipper().async_method,
        VideoStreamHandler(flip),
        VideoStreamHandler(flip_async, skip_frames=True),
    ],
)
async def test_every_kind_of_function_flips_the_picture(handler: Any) -> None:
    """Lost otherwise: a video program would run with some ways to write it only."""
    client = Viewer(handler, BOTH_WAYS)
    await client.film([halves(BLUE, RED)] * 3)
    await client.hang_up()
    assert len(client.seen) == 3
    assert {sides_of(picture) for _, picture, _ in client.seen} == {("red", "blue")}


async def test_user_code_runs_off_the_loop_in_its_session() -> None:
    """Lost otherwise: one slow function would stop everybody's sound."""
    places: set[Any] = set()

    def look(frame: Any) -> Any:
        context = get_current_context()
        places.add((threading.current_thread().name, context.webrtc_id))
        context.state["count"] = context.state.get("count", 0) + 1
        return frame

    client = Viewer(look, BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    assert places == {("fastrtc-worker", client.session.id)}
    assert client.session.context.state["count"] == 2
    await client.hang_up()


@pytest.mark.parametrize(("color", "first"), [("bgr", BLUE), ("rgb", RED)])
async def test_the_order_of_the_channels_can_be_chosen(color: Any, first: Any) -> None:
    """Lost otherwise: faces would be blue for half of the models."""
    got: list[Any] = []

    def look(frame: Any) -> Any:
        got.append(frame)
        frame[:] = (230, 30, 30)
        return frame

    client = Viewer(VideoStreamHandler(look, color=color), BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    await client.hang_up()
    assert got[0].shape == (48, 64, 3)
    assert got[0].dtype == np.uint8
    names = {BLUE: "blue", RED: "red"}
    assert client.colors[-1] == names[first]


@pytest.mark.parametrize(
    ("given", "size"),
    [
        (np.zeros((50, 70), np.uint8), (50, 70)),
        (np.zeros((51, 71, 3), np.uint8), (50, 70)),
        (np.ones((20, 30, 3), np.float32), (20, 30)),
        (np.zeros((20, 30, 4), np.uint8), (20, 30)),
    ],
)
async def test_pictures_of_other_forms_are_shown(given: Any, size: Any) -> None:
    """Lost otherwise: a depth map or a mask would end in an error."""
    client = Viewer(lambda _: given, BOTH_WAYS)
    await client.film([plain(RED)])
    await client.hang_up()
    assert client.seen[0][1].shape[:2] == size


async def test_outputs_go_out_beside_the_picture() -> None:
    """Lost otherwise: a detector could not tell the page what it sees."""

    def count(frame: Any) -> Any:
        state = get_current_context().state
        state["n"] = state.get("n", 0) + 1
        return frame, AdditionalOutputs(state["n"])

    client = Viewer(count, BOTH_WAYS)
    await client.film([plain(RED)] * 3)
    assert [client.session.outputs.take("test") for _ in range(3)]
    assert len(client.of("fetch_output")) == 3
    await client.hang_up()


async def test_in_send_mode_outputs_are_all_that_comes_back() -> None:
    """Lost otherwise: an analysing app would need to send a picture back."""
    client = Viewer(lambda f: AdditionalOutputs(float(f.mean())), SENDING)
    await client.film([plain(RED)] * 3)
    assert len(client.of("fetch_output")) == 3
    await client.hang_up()
    assert not client.seen


async def test_close_stream_ends_the_session_after_the_picture() -> None:
    """Lost otherwise: an app could not hang up on its user."""
    client = Viewer(lambda f: (f, CloseStream("enough")), BOTH_WAYS)
    await client.film([plain(RED)])
    await client.closed()
    assert client.of("end_stream") == ["enough"]
    assert client.colors == ["red"]
    await client.hang_up()


# -- inputs ----------------------------------------------------------------------------


async def test_defaults_are_used_from_the_first_picture_on() -> None:
    """Lost otherwise: the video would stand still until somebody moves a slider."""

    def paint(frame: Any, blue: int = 200) -> Any:
        frame[:] = (blue, 0, 0)
        return frame

    client = Viewer(paint, BOTH_WAYS, defaults=lambda: [150])
    await client.film([plain(RED)])
    client.session.set_input(90)
    await client.film([plain(RED)])
    await client.hang_up()
    assert [int(picture[20, 20, 0]) for _, picture, _ in client.seen] == pytest.approx(
        [150, 90], abs=3
    )


async def test_own_defaults_of_the_function_hold_without_components() -> None:
    """Lost otherwise: a mounted stream without inputs would never show anything."""
    client = Viewer(lambda frame, color=GREEN: plain(color), BOTH_WAYS)
    await client.film([plain(RED)])
    await client.hang_up()
    assert client.colors == ["green"]


async def test_until_required_inputs_come_the_camera_is_shown() -> None:
    """Lost otherwise: a page would be black without a word until its inputs came."""

    def paint(frame: Any, color: Any) -> Any:
        return plain(color)

    client = Viewer(paint, BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    assert client.colors == ["red", "red"]
    assert len(client.of("send_input")) == 1
    client.session.set_input(GREEN)
    await client.film([plain(RED)])
    await client.hang_up()
    assert client.colors[-1] == "green"


# -- slow and broken -------------------------------------------------------------------


async def seconds_per_picture(frame: Any) -> Any:
    await asyncio.sleep(0.1)
    return frame


async def test_skipping_keeps_the_lag_below_one_call() -> None:
    """Lost otherwise: the picture of a slow function would fall seconds behind."""
    video = VideoStreamHandler(seconds_per_picture, skip_frames=True)
    client = Viewer(video, BOTH_WAYS)
    await client.film([plain(RED)] * 60)
    lags = [shown_s - time_s for shown_s, _, time_s in client.seen]
    # The call, and half a frame's time.
    assert max(lags) < 0.12
    assert len(client.seen) == pytest.approx(19, abs=2)
    assert client.session.camera is not None
    assert client.session.camera.lag_ms < 18
    assert client.session.camera.dropped == pytest.approx(40, abs=3)
    await client.hang_up()


async def test_without_skipping_the_lag_is_bounded() -> None:
    """Lost otherwise: a slow function would be further behind with every second."""
    client = Viewer(seconds_per_picture, BOTH_WAYS)
    await client.film([plain(RED)] * 150)
    lags = [shown_s - time_s for shown_s, _, time_s in client.seen]
    assert max(lags) < 0.65
    await client.hang_up()


async def test_nothing_is_made_for_an_encoder_that_is_behind() -> None:
    """Lost otherwise: on a busy machine most pictures would be made to be dropped."""
    made = 0

    def count(frame: Any) -> Any:
        nonlocal made
        made += 1
        return frame

    client = Viewer(count, BOTH_WAYS)
    take = client.session.screen.next_picture

    async def slow() -> Any:
        taken = await take()
        await asyncio.sleep(0.2)
        return taken

    client.session.screen.next_picture = slow  # type: ignore[method-assign]
    await client.film([plain(RED)] * 60)
    await client.hang_up()
    assert client.session.screen.dropped == 0
    assert made <= len(client.seen) + 4


async def test_one_call_at_a_time_for_each_session() -> None:
    """Lost otherwise: a model that isn't thread-safe would be called twice at once."""
    running = most = 0

    async def slow(frame: Any) -> Any:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        return frame

    client = Viewer(slow, BOTH_WAYS)
    await client.film([plain(RED)] * 20)
    await client.hang_up()
    assert most == 1


async def test_a_camera_faster_than_fps_is_thinned_out() -> None:
    """Lost otherwise: fps=10 would not spare a costly model anything."""
    client = Viewer(VideoStreamHandler(flip, fps=10), BOTH_WAYS)
    await client.film([plain(RED)] * 60, fps=60)
    await client.hang_up()
    assert len(client.seen) == pytest.approx(11, abs=2)


async def test_an_error_now_and_then_costs_its_picture_only() -> None:
    """Lost otherwise: one bad frame would end the call."""

    def sometimes(frame: Any) -> Any:
        state = get_current_context().state
        state["n"] = state.get("n", 0) + 1
        if state["n"] % 10 == 0:
            raise ValueError("no face")
        return frame

    client = Viewer(sometimes, BOTH_WAYS)
    await client.film([plain(RED)] * 60)
    assert len(client.seen) == 54
    assert client.session.user_errors == 6
    assert client.of("error")[0].startswith("Something went wrong")
    assert client.session.state == "connected"
    await client.hang_up()


async def test_a_function_that_always_fails_ends_the_session() -> None:
    """Lost otherwise: a broken app would hold its slot and fill its log for hours."""

    def broken(frame: Any) -> Any:
        raise ValueError("no model")

    client = Viewer(broken, BOTH_WAYS)
    await client.film([plain(RED)] * (VIDEO_ERRORS_IN_A_ROW + 1))
    await client.closed()
    assert client.of("end_stream") == ["The app's video function keeps failing."]
    await client.hang_up()


@pytest.mark.parametrize(
    "given",
    [
        [1, 2, 3],
        "text",
        np.zeros((4, 4, 3), np.int64),
        np.zeros((3, 3, 3, 3), np.uint8),
        np.zeros((0, 0, 3), np.uint8),
        (np.zeros((4, 4, 3), np.uint8), "text"),
    ],
)
async def test_what_is_no_picture_is_told_and_skipped(given: Any) -> None:
    """Lost otherwise: a wrong dtype would be a grey screen and no hint why."""
    answers = iter([given, plain(GREEN)])
    client = Viewer(lambda _: next(answers), BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    assert client.colors == ["green"]
    assert len(client.of("error")) == 1
    await client.hang_up()


async def test_none_shows_nothing_new() -> None:
    """Lost otherwise: a function could not leave a picture out."""
    client = Viewer(lambda _: None, BOTH_WAYS)
    await client.film([plain(RED)] * 3)
    assert not client.seen
    assert not client.of("error")
    await client.hang_up()


async def test_a_hang_up_ends_a_call_that_runs() -> None:
    """Lost otherwise: a thread would stay behind with every call."""
    begun = asyncio.Event()

    async def endless(frame: Any) -> Any:
        begun.set()
        await asyncio.Event().wait()

    client = Viewer(endless, BOTH_WAYS)
    client.show(plain(RED))
    await begun.wait()
    await client.hang_up()


async def test_an_inner_cancellation_is_an_error_like_any_other() -> None:
    """Lost otherwise: the video would stop for good without a word."""
    answers = iter([True, False])

    async def cancelled(frame: Any) -> Any:
        if next(answers):
            raise asyncio.CancelledError
        return frame

    client = Viewer(cancelled, BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    assert client.colors == ["red"]
    assert client.session.user_errors == 1
    await client.hang_up()


async def test_two_sessions_share_nothing_of_ours() -> None:
    """Lost otherwise: two users' pictures would be mixed, or wrapped twice."""
    video = VideoStreamHandler(flip)
    one, two = Viewer(video, BOTH_WAYS), Viewer(video, BOTH_WAYS)
    for _ in range(3):
        one.show(halves(BLUE, RED))
        two.show(halves(GREEN, RED))
        await asyncio.sleep(1 / 30)
    assert video.callable is flip
    await one.hang_up()
    await two.hang_up()
    assert {sides_of(picture) for _, picture, _ in one.seen} == {("red", "blue")}
    assert {sides_of(picture) for _, picture, _ in two.seen} == {("red", "green")}


async def test_captions_go_beside_the_picture() -> None:
    """Lost otherwise: a film could have no subtitles."""
    answers = iter([(plain(GREEN), Caption("one")), Caption("two")])
    client = Viewer(lambda _: next(answers), BOTH_WAYS)
    await client.film([plain(RED)] * 2)
    assert [caption["text"] for caption in client.of("caption")] == ["one", "two"]
    assert client.colors == ["green"]
    await client.hang_up()
