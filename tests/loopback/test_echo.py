"""What goes in comes out: audio through a real WebRTC connection."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from .client import FRAME_SAMPLES, Trickle, calling
from .echoes import assert_echoes
from .handlers import BlockingEcho, Echo, SyncEcho
from .support import serving
from .tones import LEFT_HZ, RIGHT_HZ, tone

pytestmark = pytest.mark.loopback

FRAMES = 60


@pytest.mark.parametrize("rate_hz", [48_000, 24_000, 16_000])
@pytest.mark.parametrize("kind", [Echo, SyncEcho, BlockingEcho])
async def test_a_tone_comes_back_whole(
    kind: type[Echo] | type[SyncEcho], rate_hz: int
) -> None:
    """Without it, users would hear gaps, clicks or a wrong pitch."""
    async with (
        serving(kind(rate_hz)) as server,
        calling(server, tone(LEFT_HZ)) as client,
    ):
        await assert_echoes(server, client, LEFT_HZ)


@pytest.mark.parametrize("rate_hz", [48_000, 24_000, 16_000])
async def test_as_much_comes_back_as_was_sent(rate_hz: int) -> None:
    """Without it, words would be swallowed, or the delay grow during the call."""
    endless = tone(LEFT_HZ)

    def sixty_frames(index: int) -> NDArray[np.int16] | None:
        return endless(index) if index < FRAMES else None

    async with (
        serving(Echo(rate_hz)) as server,
        calling(server, sixty_frames) as client,
    ):
        # The client's jitter buffer keeps the last four frames until more come,
        # and the resamplers on the way keep up to 1 ms each.
        wanted = (FRAMES - 5) * FRAME_SAMPLES
        await client.until(lambda: client.heard.shape[1] >= wanted, "all of it")
        await client.close()
        await server.closed(client.id)
        assert client.heard.shape[1] <= FRAMES * FRAME_SAMPLES


async def test_stereo_keeps_its_sides() -> None:
    """Without it, a stereo stream would be heard mixed or swapped."""
    async with (
        serving(Echo(48_000, "stereo")) as server,
        calling(server, tone(LEFT_HZ, RIGHT_HZ)) as client,
    ):
        await assert_echoes(server, client, LEFT_HZ, RIGHT_HZ)


@pytest.mark.parametrize("trickle", ["before", "after"])
async def test_candidates_may_come_before_or_after_the_offer(trickle: Trickle) -> None:
    """Without it, browsers that trickle would stay "waiting" for good."""
    async with (
        serving(Echo()) as server,
        calling(server, tone(LEFT_HZ), trickle=trickle) as client,
    ):
        await assert_echoes(server, client, LEFT_HZ)


async def test_a_stream_may_be_mounted_under_a_path() -> None:
    """Without it, an app could hold one stream only."""
    async with (
        serving(Echo(), path="/voice/one") as server,
        calling(server, tone(LEFT_HZ)) as client,
    ):
        assert server.url.endswith("/voice/one")
        await assert_echoes(server, client, LEFT_HZ)


async def test_two_clients_hear_themselves_and_not_each_other() -> None:
    """Without it, one user's words would reach another."""
    async with (
        serving(Echo()) as server,
        calling(server, tone(LEFT_HZ)) as left,
        calling(server, tone(RIGHT_HZ)) as right,
    ):
        await assert_echoes(server, left, LEFT_HZ)
        await assert_echoes(server, right, RIGHT_HZ)
