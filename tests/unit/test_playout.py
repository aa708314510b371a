"""fastrtc.session.playout: pacing, clearing, bounds; on a virtual clock."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from fastrtc.errors import SessionClosedError
from fastrtc.outputs import Clip
from fastrtc.session import Frame, Playout
from fastrtc.session.playout import MAX_MARKS
from tests.support.handlers import clip, ramp, tone

pytestmark = pytest.mark.virtual_time
RATE_HZ = 24_000
FRAME = RATE_HZ // 50


class Ear:
    """Takes frames as a transport does, and notes when they left."""

    def __init__(self, playout: Playout) -> None:
        self.playout = playout
        self.loop = asyncio.get_running_loop()
        self.frames: list[Frame] = []
        self.times_s: list[float] = []
        self.task = asyncio.ensure_future(self._listen())

    async def _listen(self) -> None:
        try:
            while True:
                self.frames.append(await self.playout.next_frame())
                self.times_s.append(self.loop.time())
        except SessionClosedError:
            return

    @property
    def audio(self) -> Any:
        return np.concatenate([f.samples for f in self.frames], axis=1)

    async def close(self) -> None:
        self.playout.close()
        await self.task


async def test_frames_leave_one_each_20_ms() -> None:
    """Lost otherwise: the client's buffer would overflow or run dry."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME * 50), 0, 30)
    await playout.drained()
    gaps = np.diff(ear.times_s)
    assert gaps == pytest.approx(np.full(49, 0.02))
    assert ear.times_s[0] == 0
    assert (ear.audio[0] == np.arange(1, FRAME * 50 + 1, dtype=np.int16)).all()
    assert [f.position for f in ear.frames] == [n * FRAME for n in range(50)]
    await ear.close()


async def test_clips_of_any_length_join_without_a_seam() -> None:
    """Lost otherwise: a voice made in small pieces would crackle."""
    playout = Playout()
    ear = Ear(playout)
    first = 1
    for size in (1, 100, 479, 480, 481, 1000, 3, 256):
        await playout.put(ramp(size, first=first), 0, 30)
        first += size
    playout.finish(0)
    await playout.drained()
    assert (ear.audio[0, : first - 1] == np.arange(1, first)).all()
    assert not ear.audio[0, first - 1 :].any()
    await ear.close()


async def test_the_end_of_one_reply_leaves_the_next_one_whole() -> None:
    """Lost otherwise: a reply made in small pieces would begin with a crackle."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME), 0, 30)
    playout.finish(0)
    playout.finish(0)
    await playout.drained()
    await playout.put(ramp(100), 0, 30)
    await asyncio.sleep(0.01)
    await playout.put(ramp(FRAME - 100, first=101), 0, 30)
    await playout.drained()
    whole = np.arange(1, FRAME + 1)
    assert [(f.samples[0] == whole).all() for f in ear.frames] == [True, True]
    await ear.close()


async def test_a_hiccup_of_the_receiver_keeps_the_schedule() -> None:
    """Lost otherwise: each hiccup would delay the rest of the call for good."""
    playout = Playout()
    loop = asyncio.get_running_loop()
    await playout.put(ramp(FRAME * 10), 0, 30)
    for _ in range(3):
        await playout.next_frame()
    await asyncio.sleep(0.07)  # as long as three frames and a half
    times_s: list[float] = []
    for _ in range(5):
        await playout.next_frame()
        times_s.append(loop.time())
    assert times_s == pytest.approx([0.11, 0.11, 0.11, 0.12, 0.14])
    playout.close()


async def test_a_hiccup_of_the_producer_keeps_the_schedule() -> None:
    """Lost otherwise: slow voices would fall further and further behind."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME * 2), 0, 30)
    await asyncio.sleep(0.09)
    await playout.put(ramp(FRAME * 6), 0, 30)
    await playout.drained()
    assert ear.times_s == pytest.approx(
        [0, 0.02, 0.09, 0.09, 0.09, 0.10, 0.12, 0.14], abs=1e-9
    )
    # The receiver's clock: no hole, because nothing was due in another place.
    assert [f.position // FRAME for f in ear.frames] == list(range(8))
    await ear.close()


async def test_a_pause_moves_the_position() -> None:
    """Lost otherwise: after a pause the client would play at the wrong time."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME), 0, 30)
    await asyncio.sleep(1.0)
    await playout.put(ramp(FRAME * 2), 0, 30)
    await playout.drained()
    assert ear.times_s == pytest.approx([0, 1.0, 1.02])
    assert [f.position // FRAME for f in ear.frames] == [0, 50, 51]
    await ear.close()


async def test_clearing_drops_what_is_queued() -> None:
    """Lost otherwise: the bot would go on talking when interrupted."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(5), 0, 30)
    await asyncio.sleep(0.5)
    heard_ms = playout.clear()
    assert heard_ms == pytest.approx(500, abs=25)
    count = len(ear.frames)
    await asyncio.sleep(2)
    # What follows is a fade of 5 ms and silence, and then nothing.
    tail = np.concatenate([frame.samples[0] for frame in ear.frames[count:]])
    assert tail.size == 3 * 480
    assert not tail[120:].any()
    assert playout.queued_s == 0
    assert playout.idle
    await ear.close()


async def test_clearing_drops_what_is_in_flight() -> None:
    """Lost otherwise: stale words would follow an interruption."""
    playout = Playout()
    ear = Ear(playout)
    assert await playout.put(clip(1), 0, 0.5)
    blocked = asyncio.ensure_future(playout.put(clip(1), 0, 0.5))
    await asyncio.sleep(0.1)
    assert not blocked.done()
    playout.clear()
    assert await blocked is False
    assert await playout.put(clip(1), 0, 0.5) is False
    playout.finish(0)
    assert playout.queued_s == 0
    assert await playout.put(ramp(FRAME), playout.generation, 0.5) is True
    await playout.drained()
    assert ear.frames[-1].generation == 1
    assert (ear.frames[-1].samples[0] == np.arange(1, FRAME + 1)).all()
    await ear.close()


async def test_played_milliseconds_count_per_generation() -> None:
    """Lost otherwise: an agent would not know how much of its reply was heard."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(0.2), 0, 30)
    await playout.drained()
    assert playout.played_ms == pytest.approx(200)
    assert playout.clear() == pytest.approx(200)
    assert playout.played_ms == 0
    await ear.close()


async def test_producers_wait_at_the_bound() -> None:
    """Lost otherwise: a fast generator would fill the memory with audio."""
    playout = Playout()
    loop = asyncio.get_running_loop()
    ear = Ear(playout)
    longest_s = 0.0
    for _ in range(20):
        await playout.put(clip(0.1), 0, 0.5)
        longest_s = max(longest_s, playout.queued_s)
    assert longest_s <= 0.6
    assert loop.time() == pytest.approx(2.0 - longest_s, abs=0.05)
    await ear.close()


async def test_a_clip_longer_than_the_bound_passes() -> None:
    """Lost otherwise: one long clip would block the reply for ever."""
    playout = Playout()
    assert await playout.put(clip(10), 0, 0.5)
    assert playout.queued_s == pytest.approx(10)
    playout.close()


async def test_the_tail_is_padded_when_finished() -> None:
    """Lost otherwise: the last syllable would stay in the queue."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME + 100), 0, 30)
    playout.finish(0)
    await playout.drained()
    assert len(ear.frames) == 2
    assert ear.audio.shape == (1, 2 * FRAME)
    assert ear.times_s == pytest.approx([0, 0.02])
    assert ear.audio[0, FRAME : FRAME + 100].tolist() == list(range(481, 581))
    assert not ear.audio[0, FRAME + 100 :].any()
    await ear.close()


async def test_a_tail_nobody_finishes_goes_out_when_nothing_follows() -> None:
    """Lost otherwise: a handler's last bit of sound would never be heard."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME + 100), 0, 30)
    await playout.drained()
    assert len(ear.frames) == 2
    assert ear.times_s[1] == pytest.approx(0.12)
    await ear.close()


async def test_a_late_part_of_a_frame_is_waited_for() -> None:
    """Lost otherwise: a producer that hiccups would crackle."""
    playout = Playout()
    ear = Ear(playout)
    whole = ramp(2 * FRAME)
    await playout.put(
        Clip(whole.sample_rate_hz, whole.samples[:, : FRAME + 100]), 0, 30
    )
    await asyncio.sleep(0.07)
    await playout.put(
        Clip(whole.sample_rate_hz, whole.samples[:, FRAME + 100 :]), 0, 30
    )
    await playout.drained()
    heard = np.concatenate([frame.samples for frame in ear.frames], axis=1)
    assert np.array_equal(heard, whole.samples)
    await ear.close()


async def test_a_new_reply_does_not_share_the_tail_frame() -> None:
    """Lost otherwise: two replies would be glued together mid-frame."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(100), 0, 30)
    playout.finish(0)
    await playout.put(ramp(FRAME, first=1000), 0, 30)
    await playout.drained()
    assert not ear.frames[0].samples[0, 100:].any()
    assert ear.frames[1].samples[0, 0] == 1000
    await ear.close()


async def test_finishing_an_empty_reply_is_harmless() -> None:
    """Lost otherwise: a reply without audio would block the next one."""
    playout = Playout()
    ear = Ear(playout)
    playout.finish(0)
    await playout.put(ramp(FRAME), 0, 30)
    playout.finish(0)
    playout.finish(0)
    await asyncio.wait_for(playout.drained(), 1)
    assert len(ear.frames) == 1
    await ear.close()


async def test_mono_is_played_on_both_sides_once_stereo_came() -> None:
    """Lost otherwise: after a stereo clip, mono would come from the left only."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(0.1), 0, 30)
    await playout.put(clip(0.1, channels=2), 0, 30)
    await playout.put(clip(0.1), 0, 30)
    await playout.drained()
    assert {f.samples.shape for f in ear.frames[5:]} == {(2, FRAME)}
    for frame in ear.frames[5:]:
        assert (frame.samples[0] == frame.samples[1]).all()
    await ear.close()


async def test_clips_of_several_rates_are_resampled_to_one() -> None:
    """Lost otherwise: a second voice would be played at the wrong speed."""
    playout = Playout(lambda rate_hz: 48_000)
    ear = Ear(playout)
    for rate_hz in (24_000, 16_000, 48_000):
        await playout.put(clip(1, rate_hz), 0, 30)
        playout.finish(0)
    await playout.drained()
    assert {f.sample_rate_hz for f in ear.frames} == {48_000}
    assert len(ear.frames) == pytest.approx(150, abs=3)
    assert np.abs(ear.audio).max() == pytest.approx(8000, rel=0.1)
    for second in range(3):
        part = ear.audio[0, second * 48_000 : (second + 1) * 48_000]
        assert np.abs(np.fft.rfft(part)).argmax() == pytest.approx(440, abs=2)
    await ear.close()


@pytest.mark.parametrize("channels", [1, 2])
async def test_resampled_chunks_have_no_seams_and_no_missing_end(channels: int) -> None:
    """Lost otherwise: streamed voices would click at each chunk."""
    playout = Playout(lambda rate_hz: 48_000)
    ear = Ear(playout)
    whole = tone(0.5, 24_000, channels=channels)
    for i in range(0, whole.shape[1], 700):
        await playout.put(Clip(24_000, whole[:, i : i + 700]), 0, 30)
    playout.finish(0)
    await playout.drained()
    assert ear.audio.shape == (channels, 48_000 // 2)
    expected = tone(0.5, 48_000)[0].astype(int)
    inner = slice(200, -200)
    assert np.abs(ear.audio[0][inner] - expected[inner]).max() < 400
    assert np.abs(np.diff(ear.audio[0].astype(int))).max() < 1000
    await ear.close()


async def test_drained_waits_until_the_last_frame_was_heard() -> None:
    """Lost otherwise: a bot that may not be interrupted would listen too early."""
    playout = Playout()
    loop = asyncio.get_running_loop()
    ear = Ear(playout)
    await playout.put(clip(1), 0, 30)
    assert not playout.idle
    await playout.drained()
    assert loop.time() == pytest.approx(1.0, abs=0.03)
    assert loop.time() >= 1.0 - 1e-9
    assert playout.idle
    await ear.close()


async def test_closing_wakes_everyone() -> None:
    """Lost otherwise: an ended session would leave tasks hanging."""
    playout = Playout()
    await playout.put(clip(1), 0, 0.5)
    producer = asyncio.ensure_future(playout.put(clip(1), 0, 0.5))
    drained = asyncio.ensure_future(playout.drained())
    await asyncio.sleep(0.01)
    playout.close()
    await drained
    with pytest.raises(SessionClosedError):
        await producer
    with pytest.raises(SessionClosedError):
        await playout.next_frame()
    with pytest.raises(SessionClosedError):
        await playout.put(clip(1), 0, 0.5)


async def test_closing_wakes_a_waiting_transport() -> None:
    """Lost otherwise: the sender of an idle session would never end."""
    playout = Playout()
    ear = Ear(playout)
    await asyncio.sleep(5)
    await ear.close()
    assert ear.frames == []


async def test_waiting_for_audio_costs_nothing() -> None:
    """Lost otherwise: silent sessions would keep a processor busy."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(0.1), 0, 30)
    await playout.drained()
    before = _wakeups(playout)
    await asyncio.sleep(3600)
    assert _wakeups(playout) is before
    await ear.close()


def _wakeups(playout: Playout) -> object:
    """The future that is being awaited: a new one for each wake-up."""
    return playout._waiter


async def test_clearing_forgets_the_resamplers_filter() -> None:
    """Lost otherwise: each answer would begin with a click of the one before."""
    playout = Playout(lambda rate_hz: 48_000)
    ear = Ear(playout)
    await playout.put(Clip(24_000, np.full((1, 4800), 8000, np.int16)), 0, 30)
    await asyncio.sleep(0.05)
    playout.clear()
    ear.frames.clear()
    silence = np.zeros((1, 4800), np.int16)
    await playout.put(Clip(24_000, silence), playout.generation, 30)
    playout.finish(playout.generation)
    await playout.drained()
    assert not ear.audio.any()
    await ear.close()


async def test_a_timer_that_fires_a_tick_early_is_no_endless_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Lost otherwise: a rounding error of the clock would hang the whole server."""
    loop = asyncio.get_running_loop()
    exact = loop.call_at

    def early(when: float, *args: Any) -> asyncio.TimerHandle:
        return exact(when - 1e-12, *args)

    monkeypatch.setattr(loop, "call_at", early)
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(3 * FRAME + 100), 0, 30)
    await playout.drained()
    assert len(ear.frames) == 4
    await ear.close()


# -- a pause for breath ----------------------------------------------------------------


async def test_a_hold_loses_nothing() -> None:
    """Lost otherwise: after a cough words of the bot's would be missing."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(ramp(FRAME * 50), 0, 30)
    await asyncio.sleep(0.3)
    playout.hold()
    playout.hold()
    count = len(ear.frames)
    await asyncio.sleep(1)
    held = ear.audio[0, count * FRAME :]
    # A fade of what would have followed, then silence, then nothing at all.
    assert held.size == 3 * FRAME
    assert held[0] == count * FRAME + 1
    assert not held[FRAME // 4 :].any()
    assert not playout.idle
    playout.release()
    await playout.drained()
    heard = np.delete(ear.audio[0], slice(count * FRAME, (count + 3) * FRAME))
    assert (heard == np.arange(1, FRAME * 50 + 1, dtype=np.int16)).all()
    assert playout.played_ms == pytest.approx(1000)
    await ear.close()


async def test_a_hold_of_less_than_its_silence() -> None:
    """Lost otherwise: the silence of a short hold would delay all that follows."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(1), 0, 30)
    await asyncio.sleep(0.3)
    playout.hold()
    await asyncio.sleep(0.02)
    playout.release()
    await playout.drained()
    assert ear.times_s[-1] == pytest.approx(1.0, abs=0.021)
    await ear.close()


async def test_a_reply_after_an_interruption_does_not_wait_for_its_silence() -> None:
    """Lost otherwise: quick answers would come 60 ms later."""
    playout = Playout()
    ear = Ear(playout)
    await playout.put(clip(1), 0, 30)
    await asyncio.sleep(0.3)
    playout.hold()
    playout.clear()
    await playout.put(ramp(FRAME), 1, 30)
    await asyncio.sleep(0.05)
    assert ear.frames[-1].samples[0, 0] == 1
    assert ear.frames[-1].generation == 1
    await ear.close()


async def test_an_idle_playout_breaks_nothing_off() -> None:
    """Lost otherwise: clearing before anything was said would send silence."""
    playout = Playout()
    ear = Ear(playout)
    playout.hold()
    playout.clear()
    await playout.put(ramp(FRAME), 1, 30)
    playout.finish(1)
    await playout.drained()
    playout.clear()
    await asyncio.sleep(1)
    assert len(ear.frames) == 1
    await ear.close()


async def test_what_is_said_while_held_is_heard_later() -> None:
    """Lost otherwise: a reply that begins during a cough would be lost."""
    playout = Playout()
    ear = Ear(playout)
    playout.hold()
    await playout.put(ramp(FRAME * 5), 0, 30)
    await asyncio.sleep(0.5)
    assert ear.frames == []
    playout.release()
    await playout.drained()
    assert len(ear.frames) == 5
    await ear.close()


# -- marks ---------------------------------------------------------------------------


class Marks:
    """Notes when marks are reached."""

    def __init__(self, playout: Playout) -> None:
        self._playout = playout
        self._loop = asyncio.get_running_loop()
        self.reached: list[tuple[str, float]] = []

    def put(self, name: str, generation: int | None = None) -> bool:
        if generation is None:
            generation = self._playout.generation
        return self._playout.mark(lambda: self._note(name), generation)

    def _note(self, name: str) -> None:
        self.reached.append((name, round(self._loop.time(), 6)))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.reached]


async def test_marks_are_reached_with_the_audio_before_them() -> None:
    """Lost otherwise: captions would come at other times than the words."""
    playout = Playout()
    ear, marks = Ear(playout), Marks(playout)
    assert marks.put("begin")
    assert marks.names == ["begin"]
    await playout.put(ramp(FRAME * 5), 0, 30)
    marks.put("a")
    marks.put("b")
    # In the midst of a frame: reached with that frame.
    await playout.put(ramp(FRAME + 100), 0, 30)
    marks.put("c")
    await playout.put(ramp(FRAME * 2 - 100), 0, 30)
    marks.put("d")
    await playout.drained()
    assert marks.reached == [
        ("begin", 0),
        ("a", 0.08),
        ("b", 0.08),
        ("c", 0.12),
        ("d", 0.14),
    ]
    await ear.close()


async def test_a_mark_after_part_of_a_frame() -> None:
    """Lost otherwise: the caption of a last syllable would never come."""
    playout = Playout()
    ear, marks = Ear(playout), Marks(playout)
    await playout.put(ramp(FRAME + 100), 0, 30)
    marks.put("finished")
    playout.finish(0)
    await playout.drained()
    assert marks.reached == [("finished", 0.02)]
    await playout.put(ramp(FRAME * 2), 0, 30)
    marks.put("next")
    await playout.drained()
    assert len(ear.frames) == 4
    assert marks.reached[1][1] == pytest.approx(ear.times_s[3])
    await ear.close()


async def test_clearing_drops_marks() -> None:
    """Lost otherwise: words would be read that were never said."""
    playout = Playout()
    ear, marks = Ear(playout), Marks(playout)
    await playout.put(clip(1), 0, 30)
    marks.put("dropped")
    await asyncio.sleep(0.5)
    playout.clear()
    assert not marks.put("stale", generation=0)
    await playout.put(clip(0.2), 1, 30)
    marks.put("new")
    await playout.drained()
    assert marks.names == ["new"]
    assert marks.reached[0][1] == pytest.approx(ear.times_s[-1])
    await ear.close()


async def test_a_pause_holds_marks_back() -> None:
    """Lost otherwise: captions would run ahead of a voice that waits."""
    playout = Playout()
    ear, marks = Ear(playout), Marks(playout)
    await playout.put(clip(0.2), 0, 30)
    marks.put("behind")
    await asyncio.sleep(0.1)
    playout.hold()
    await asyncio.sleep(1)
    assert marks.names == []
    playout.release()
    await playout.drained()
    assert marks.reached[0][1] == pytest.approx(1.2, abs=0.03)
    # Nothing is queued any more, and still it is held.
    playout.hold()
    marks.put("held")
    marks.put("held too")
    assert marks.names == ["behind"]
    playout.release()
    assert marks.names == ["behind", "held", "held too"]
    playout.hold()
    marks.put("cleared")
    playout.clear()
    playout.release()
    assert marks.names == ["behind", "held", "held too"]
    await ear.close()


async def test_marks_at_another_rate() -> None:
    """Lost otherwise: captions would drift away where the line is slower."""
    playout = Playout(lambda rate_hz: 8_000)
    ear, marks = Ear(playout), Marks(playout)
    for n in range(1, 6):
        await playout.put(clip(1), 0, 30)
        marks.put(str(n))
    playout.finish(0)
    await playout.drained()
    times_s = [at_s for _, at_s in marks.reached]
    assert times_s == pytest.approx([1, 2, 3, 4, 5], abs=0.05)
    await ear.close()


async def test_marks_are_bounded() -> None:
    """Lost otherwise: a function that never stops would fill the memory."""
    playout = Playout()
    marks = Marks(playout)
    await playout.put(clip(1), 0, 30)
    for n in range(MAX_MARKS + 2):
        marks.put(str(n))
    assert marks.names == ["0", "1"]
    playout.close()
    assert marks.names == ["0", "1"]
    assert not marks.put("late")
    assert marks.names == ["0", "1"]


async def test_who_is_told_of_clearing() -> None:
    """Lost otherwise: clients that queue audio would play it after an interruption."""
    playout = Playout()
    told: list[int] = []
    playout.clear()
    playout.on_clear = lambda: told.append(playout.generation)
    await playout.put(clip(1), 1, 30)
    playout.clear()
    playout.clear()
    assert told == [2, 3]
    assert playout.queued_s == 0
    playout.on_clear = None
    playout.clear()
    playout.close()
    assert told == [2, 3]
