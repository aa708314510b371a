"""What all loopback tests share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="module", autouse=True)
def small_heap() -> Iterator[None]:
    """Keep the garbage collector from going through all that pytest has loaded.

    A full collection of that takes 100 ms, and the server's loop would be blamed.
    """
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
