"""A page of one's own, without Gradio, in a real browser."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from .calls import STEP_MS, Call
from .conftest import Serve

pytestmark = pytest.mark.browser


async def test_a_page_without_gradio_is_answered_and_gets_outputs(
    serve: Serve, page: Page
) -> None:
    """Without it nobody can build their own page on the library."""
    call = Call(page)
    await call.open(serve("demo/custom_page/app.py"))
    await call.start()
    await call.becomes("hearing")
    await call.becomes("speaking")
    await expect(page.get_by_text("You spoke for").first).to_be_visible(timeout=STEP_MS)
    await call.becomes("listening")
    stats = await call.stats()
    assert stats["energy"] > 0.001
    await page.get_by_text("Stop", exact=True).click()
    await call.becomes("ended")
