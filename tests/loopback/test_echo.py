"""What goes in comes out: audio through a real WebRTC connection."""

from __future__ import annotations

import pytest

from .client import FRAME_SAMPLES, Client, Trickle, calling
from .handlers import BlockingEcho, Echo, SyncEcho
from .support import serving
from .tones import LEFT_HZ, RIGHT_HZ, assert_unbroken, tone

pytestmark = pytest.mark.loopback

SECONDS = 1.2


async def assert_echoes(client: Client) -> None:
    heard = await client.listen(SECONDS)
    # Where the tone begins, the encoder has to find it first.
    settled = heard[0, 10 * FRAME_SAMPLES :]
    assert_unbroken(settled, LEFT_HZ)


@pytest.mark.parametrize("rate_hz", [48_000, 24_000, 16_000])
@pytest.mark.parametrize("kind", [Echo, SyncEcho, BlockingEcho])
async def test_a_tone_comes_back_whole(
    kind: type[Echo] | type[SyncEcho], rate_hz: int
) -> None:
    """Without it, users would hear gaps, clicks or a wrong pitch."""
    async with serving(kind(rate_hz)) as server:
        async with calling(server, tone(LEFT_HZ)) as client:
            await assert_echoes(client)
            sent = client.microphone.sent * FRAME_SAMPLES
            heard = client.heard.shape[1]
            # On its way: what the client's jitter buffer keeps (80 ms), and what
            # the machine hasn't got round to.
            assert sent - 0.4 * 48_000 <= heard <= sent
            await client.close()
            await server.closed(client.id)


async def test_stereo_keeps_its_sides() -> None:
    """Without it, a stereo stream would be heard mixed or swapped."""
    async with serving(Echo(48_000, "stereo")) as server:
        async with calling(server, tone(LEFT_HZ, RIGHT_HZ)) as client:
            heard = (await client.listen(SECONDS))[:, 10 * FRAME_SAMPLES :]
            assert_unbroken(heard[0], LEFT_HZ)
            assert_unbroken(heard[1], RIGHT_HZ)


@pytest.mark.parametrize("trickle", ["before", "after"])
async def test_candidates_may_come_before_or_after_the_offer(trickle: Trickle) -> None:
    """Without it, browsers that trickle would stay "waiting" for good."""
    async with (
        serving(Echo()) as server,
        calling(server, tone(LEFT_HZ), trickle=trickle) as client,
    ):
        await assert_echoes(client)


async def test_a_stream_may_be_mounted_under_a_path() -> None:
    """Without it, an app could hold one stream only."""
    async with (
        serving(Echo(), path="/voice/one") as server,
        calling(server, tone(LEFT_HZ)) as client,
    ):
        assert server.url.endswith("/voice/one")
        await assert_echoes(client)


async def test_two_clients_hear_themselves_and_not_each_other() -> None:
    """Without it, one user's words would reach another."""
    async with (
        serving(Echo()) as server,
        calling(server, tone(LEFT_HZ)) as left,
        calling(server, tone(RIGHT_HZ)) as right,
    ):
        heard_left = await left.listen(SECONDS)
        heard_right = await right.listen(SECONDS)
        assert_unbroken(heard_left[0, 10 * FRAME_SAMPLES :], LEFT_HZ)
        assert_unbroken(heard_right[0, 10 * FRAME_SAMPLES :], RIGHT_HZ)
