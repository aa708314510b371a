"""Whether a client hears what it says, on a machine that may be busy."""

from __future__ import annotations

from .client import FRAME_SAMPLES, Client
from .support import Server
from .tones import LEFT_HZ, assert_unbroken

STEADY_MS = 10.0
"""A machine that lets anybody wait longer than this leaves gaps of its own: an echo
has nothing in store to bridge them."""

ATTEMPTS = 4


async def assert_echoes(
    server: Server,
    client: Client,
    *frequencies_hz: float,
    seconds: float = 1.0,
) -> None:
    """Fail unless what is heard is what is sent, as long as the machine keeps time."""
    for attempt in range(ATTEMPTS):
        client.forget()
        await server.longest_stall()
        heard = await client.listen(seconds)
        stall = await server.longest_stall()
        try:
            for channel, frequency_hz in zip(heard, frequencies_hz, strict=False):
                # Where the tone begins, the encoder has to find it first.
                assert_unbroken(channel[10 * FRAME_SAMPLES :], frequency_hz)
        except AssertionError:
            waited_ms = max(client.microphone.late_ms, stall.wall_ms)
            if waited_ms < STEADY_MS or attempt == ATTEMPTS - 1:
                raise
        else:
            return


async def assert_undisturbed(server: Server, witness: Client) -> None:
    """Fail if something happened to a call since it was told to forget.

    To be asked right after what may have disturbed it. Stalls of the server's own
    making fail by their processor time; those of a busy machine are forgiven.
    """
    stall = await server.longest_stall()
    print(f"longest stall {stall.cpu_ms:.1f} ms CPU, {stall.wall_ms:.1f} ms")
    assert stall.cpu_ms < 50, stall
    await witness.listen(0.1)
    try:
        if witness.heard.shape[1] > 20 * FRAME_SAMPLES:
            assert_unbroken(witness.heard[0], LEFT_HZ)
    except AssertionError:
        if max(witness.microphone.late_ms, stall.wall_ms) < STEADY_MS:
            raise
    await assert_echoes(server, witness, LEFT_HZ, seconds=0.5)
