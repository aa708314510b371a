"""fastrtc.ui: pages of a real Gradio app, their inputs, texts, outputs and calls."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import gradio as gr
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection

from fastrtc import AdditionalOutputs, ReplyOnPause, WebRTC, get_current_context
from fastrtc.options import MAX_MESSAGE_CHARS
from fastrtc.session import Session
from fastrtc.testing import LoudnessModel
from fastrtc.transports.memory import MemoryClient
from fastrtc.ui import page_inputs
from fastrtc.ui.trigger import is_start_value
from tests.support.gradio_pages import PREFIX, GradioApp, GradioPage, serve_blocks
from tests.support.handlers import AsyncHandler, tone

pytestmark = [
    # Gradio's queue keeps statistics with pandas.
    pytest.mark.filterwarnings("ignore:.*(no_silent_downcasting|copy keyword)"),
]
NO_ICE: Any = {"iceServers": []}


def reply(_: Any) -> Any:
    """Nobody speaks in most of these tests."""
    return None


class Talk:
    """A page with a call, its inputs and its outputs."""

    def __init__(self, fn: Any = reply, variant: Any = None, **stream: Any) -> None:
        with gr.Blocks() as self.blocks:
            self.number = gr.Slider(0, 10, value=3)
            self.text = gr.Textbox()
            self.call = WebRTC(
                modality="audio",
                mode="send-receive",
                rtc_configuration=NO_ICE,
                variant=variant,
            )
            self.call.stream(
                ReplyOnPause(fn, model=LoudnessModel()) if callable(fn) else fn,
                inputs=[self.call, self.number],
                outputs=[self.call],
                concurrency_limit=None,
                **stream,
            )

    def session(self, name: str, page: GradioPage | None = None) -> Session:
        """A session that a page has opened."""
        assert self.call.realtime is not None
        session = MemoryClient(self.call.realtime.sessions, name).session
        if page is not None:
            self.call.door.owners.note(session, page.session_hash)
        return session


@contextlib.asynccontextmanager
async def running(talk: Talk) -> AsyncGenerator[GradioApp]:
    """Serve it; its sessions end with the block."""
    async with serve_blocks(talk.blocks) as app:
        try:
            yield app
        finally:
            if talk.call.realtime is not None:
                await talk.call.realtime.stop()


@pytest.fixture
def toasts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What pages were warned of."""
    said: list[str] = []
    monkeypatch.setattr(page_inputs.gr, "Warning", said.append)
    return said


class Awaited(asyncio.Event):
    """An event that says when somebody waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waited = asyncio.Event()

    async def wait(self) -> Any:
        self.waited.set()
        return await super().wait()


def args(session: Session) -> list[Any]:
    return session.handler.latest_args[1:]


# -- inputs ----------------------------------------------------------------------------


async def test_inputs_of_two_users_stay_apart() -> None:
    """Lost otherwise: one user's slider would act on everybody's call."""
    talk = Talk()
    async with running(talk) as app:
        pages = [app.page(), app.page()]
        sessions = [talk.session(f"call-{n}", pages[n]) for n in range(2)]
        both = zip(pages, sessions, (7, 8), strict=True)
        await asyncio.gather(
            *(p.event(talk.call, "tick", s.id, value) for p, s, value in both)
        )
        assert [args(session) for session in sessions] == [[7], [8]]
        await pages[0].event(talk.number, "change", "call-0", 9)
        assert [args(session) for session in sessions] == [[9], [8]]


async def test_inputs_that_come_before_the_offer_are_kept() -> None:
    """Lost otherwise: a generator would start with the defaults, whatever the page
    showed when its button was clicked."""
    talk = Talk()
    async with running(talk) as app:
        await app.page().event(talk.call, "tick", "soon", 6)
        assert args(talk.session("soon")) == [6]


async def test_the_inputs_of_another_page_are_ignored() -> None:
    """Lost otherwise: whoever hears of a session's name could steer its handler."""
    talk = Talk()
    async with running(talk) as app:
        mine, other = app.page(), app.page()
        session = talk.session("mine", mine)
        await mine.event(talk.call, "tick", "mine", 5)
        await other.event(talk.call, "tick", "mine", 1)
        assert args(session) == [5]


async def test_inputs_that_come_too_late_or_for_nobody_are_ignored(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: moving a slider after a call would show an error."""
    talk = Talk()
    async with running(talk) as app:
        page = app.page()
        session = talk.session("over", page)
        await session.close()
        for value in ("over", "never-there", None, "__webrtc_start__1"):
            await page.event(talk.number, "change", value, 5)
        assert args(session) == [3]
        assert not [r for r in caplog.records if r.name == "fastrtc"]
        assert talk.call.realtime is not None
        assert talk.call.realtime.sessions.get("over") is None
        # A request for a call is no call's name.
        assert not talk.call.realtime.sessions._early_inputs.pop("__webrtc_start__1")


async def test_a_generator_gets_what_the_page_shows_when_it_is_started() -> None:
    """Lost otherwise: a radio would play another station than the chosen one."""
    got: asyncio.Queue[Any] = asyncio.Queue()

    def play(station: float) -> Any:
        got.put_nowait(station)
        yield 24_000, tone(0.1)

    with gr.Blocks() as demo:
        station, button = gr.Slider(0, 10, value=3), gr.Button()
        call = WebRTC(modality="audio", mode="receive", rtc_configuration=NO_ICE)
        call.stream(play, inputs=[station], outputs=[call], trigger=button.click)
    async with serve_blocks(demo) as app:
        page = app.page()
        assert is_start_value((await page.event(button, "click"))[0])
        await page.event(call, "tick", "me", 8)
        assert call.realtime is not None
        client = MemoryClient(call.realtime.sessions, "me")
        assert await asyncio.wait_for(got.get(), 5) == 8
        await client.hang_up()


# -- texts -----------------------------------------------------------------------------


async def test_a_typed_text_is_answered(toasts: list[str]) -> None:
    """Lost otherwise: what is typed would lead to nothing."""
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def answer(data: Any, number: float) -> Any:
        got.put_nowait((data, number))

    talk = Talk(answer, variant="textbox")
    async with running(talk) as app:
        page = app.page()
        talk.session("me", page)
        typed = {"webrtc_id": "me", "textbox": "hello", "audio": None}
        await page.event(talk.call, "submit", typed, 4)
        data, number = await asyncio.wait_for(got.get(), 5)
        assert (data.webrtc_id, data.textbox, number) == ("me", "hello", 4)
        assert data.audio is None
        assert toasts == []


async def test_a_text_waits_for_a_session_that_is_being_connected(
    toasts: list[str],
) -> None:
    """Lost otherwise: the first text after a page was opened could be dropped."""
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def answer(data: Any) -> Any:
        got.put_nowait(data.textbox)

    talk = Talk(answer, variant="textbox")
    async with running(talk) as app:
        assert talk.call.realtime is not None
        session = talk.call.realtime.sessions.open("me")
        waited_for = session.handler.channel_set = Awaited()
        typed = {"webrtc_id": "me", "textbox": "early"}
        sending = asyncio.ensure_future(app.page().event(talk.call, "submit", typed, 4))
        await waited_for.waited.wait()
        session.connected(None)
        await sending
        assert await asyncio.wait_for(got.get(), 5) == "early"
        assert toasts == []
        await session.close()


@pytest.mark.parametrize("case", ["no call", "another page's call", "ended"])
async def test_a_text_without_a_call_is_not_lost_silently(
    case: str, toasts: list[str]
) -> None:
    """Lost otherwise: people would wait for an answer that never comes."""
    talk = Talk(variant="textbox")
    async with running(talk) as app:
        page = app.page()
        if case == "another page's call":
            talk.session("me", app.page())
        elif case == "ended":
            await talk.session("me", page).close()
        typed = {"webrtc_id": "me", "textbox": "hello"}
        await page.event(talk.call, "submit", typed, 4)
        assert toasts == [page_inputs.NO_CALL]


async def test_handlers_of_ones_own_get_texts_too(toasts: list[str]) -> None:
    """Lost otherwise: only reply functions could be typed to."""
    got: asyncio.Queue[str] = asyncio.Queue()

    class Reader(AsyncHandler):
        def copy(self) -> Reader:
            return Reader()

        async def receive_text(self, text: str) -> None:
            got.put_nowait(text)

    talk = Talk(Reader(), variant="textbox")
    async with running(talk) as app:
        talk.session("me")
        typed = {"webrtc_id": "me", "textbox": "hello"}
        await app.page().event(talk.call, "submit", typed, 4)
        assert await asyncio.wait_for(got.get(), 5) == "hello"
        assert toasts == []


@pytest.mark.parametrize("length", [1, MAX_MESSAGE_CHARS + 1])
async def test_texts_that_go_nowhere_are_explained(
    length: int, toasts: list[str]
) -> None:
    """Lost otherwise: typing into an app that only listens would look broken."""
    talk = Talk(AsyncHandler(), variant="textbox")
    async with running(talk) as app:
        talk.session("me")
        typed = {"webrtc_id": "me", "textbox": "a" * length}
        await app.page().event(talk.call, "submit", typed, 4)
        assert toasts == [page_inputs.NO_TEXT if length == 1 else page_inputs.TOO_LONG]


# -- outputs ---------------------------------------------------------------------------


@pytest.mark.parametrize("queue", [True, False])
async def test_outputs_of_many_users_reach_their_own_pages(queue: bool) -> None:
    """Lost otherwise: outputs would be mixed up, or lost, when the app is busy."""
    talk = Talk()
    with talk.blocks:
        talk.call.on_additional_outputs(
            lambda text, new: f"{text} {new}",
            inputs=[talk.text],
            outputs=[talk.text],
            queue=queue,
        )

    async def follow(app: GradioApp, user: int) -> str:
        page = app.page()
        session = talk.session(f"call-{user}", page)
        for number in range(3):
            session.outputs.add(AdditionalOutputs(f"{user}.{number}"))
        text = ""
        for _ in range(3):
            text = (await page.event(talk.call, "state_change", session.id, text))[0]
        return text

    async with running(talk) as app:
        texts = await asyncio.gather(*(follow(app, user) for user in range(8)))
    assert texts == [f" {n}.0 {n}.1 {n}.2" for n in range(8)]


async def test_generators_feed_outputs_bit_by_bit() -> None:
    """Lost otherwise: a chat could not show an answer as it is written."""
    talk = Talk()

    def write(_: str, new: str) -> Any:
        for end in range(1, len(new) + 1):
            yield new[:end]

    with talk.blocks:
        talk.call.on_additional_outputs(write, inputs=[talk.text], outputs=[talk.text])
    async with running(talk) as app:
        page = app.page()
        talk.session("me", page).outputs.add(AdditionalOutputs("abc"))
        body = {
            "data": ["me", ""],
            "fn_index": page.number(talk.call, "state_change"),
            "session_hash": page.session_hash,
        }
        said = await page.queued(body)
    steps = [m for m in said if m["msg"] == "process_generating"]
    assert len(steps) == 3
    assert said[-1]["output"]["data"] == ["abc"]


async def test_outputs_are_for_their_page_alone() -> None:
    """Lost otherwise: whoever hears of a session's name could read along."""
    talk = Talk()
    with talk.blocks:
        talk.call.on_additional_outputs(lambda new: new, outputs=[talk.text])
    async with running(talk) as app:
        mine, other = app.page(), app.page()
        session = talk.session("mine", mine)
        session.outputs.add(AdditionalOutputs("private"))
        for page in (other, mine):
            for name in ("mine", "never-there", None):
                taken = await page.event(talk.call, "state_change", name)
                expected = "private" if (page, name) == (mine, "mine") else None
                assert taken[0] == expected or "update" in str(taken[0])
        assert not session.outputs.pending("listener-0")


# -- how pages come in -----------------------------------------------------------------


async def offer(page: GradioPage, talk: Talk, name: str) -> Any:
    """Offer a call without media; the server's answer."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.createDataChannel("text")
    await peer.setLocalDescription(await peer.createOffer())
    body = {"type": "offer", "sdp": peer.localDescription.sdp, "webrtc_id": name}
    answer = await page.server(
        talk.call, "offer", {**body, "session_hash": page.session_hash}
    )
    await peer.close()
    return answer


async def test_the_context_knows_the_request_of_the_page() -> None:
    """Lost otherwise: a handler could not tell who is calling."""
    seen: asyncio.Queue[Any] = asyncio.Queue()

    async def answer(data: Any) -> Any:
        seen.put_nowait(get_current_context())

    talk = Talk(answer, variant="textbox")
    async with running(talk) as app:
        page = app.page(**{"X-Who": "me"})
        assert (await offer(page, talk, "a"))["type"] == "answer"
        assert talk.call.realtime is not None
        session = talk.call.realtime.sessions.get("a")
        assert session is not None
        session.connected(None)
        handler: Any = session.handler
        handler.trigger_response()
        context = await asyncio.wait_for(seen.get(), 5)
        assert context.headers["x-who"] == "me"
        assert context.request.headers["X-Who"] == "me"
        assert context.request.session_hash == page.session_hash
        assert context.request.username is None
        assert handler.latest_args[0].webrtc_id == "a"


async def test_only_the_page_itself_hangs_up() -> None:
    """Lost otherwise: whoever hears of a session's name could end it."""
    talk = Talk()
    async with running(talk) as app:
        page, other = app.page(), app.page()
        await offer(page, talk, "a")
        assert talk.call.realtime is not None
        sessions = talk.call.realtime.sessions
        hash_ = page.session_hash
        for body in (
            {"webrtc_id": "a"},
            {"webrtc_id": "a", "session_hash": other.session_hash},
            {"webrtc_id": "unknown", "session_hash": hash_},
            "nonsense",
        ):
            await page.server(talk.call, "hang_up", body)
        session = sessions.get("a")
        assert session is not None
        assert session._closing is None
        body = {"webrtc_id": "a", "session_hash": hash_}
        await page.server(talk.call, "hang_up", body)
        await session.close()
        assert sessions.get("a") is None


@pytest.mark.parametrize("body", ["nonsense", None, 3, {"webrtc_id": 3}, ["offer"]])
async def test_nonsense_is_refused(body: Any) -> None:
    """Lost otherwise: anybody could fill the log with tracebacks."""
    talk = Talk()
    async with running(talk) as app:
        page = app.page()
        refusal = await page.server(talk.call, "offer", body)
        assert refusal["status"] == "failed"
        assert await page.server(talk.call, "hang_up", body) == {"status": "success"}


async def test_a_page_without_a_stream_says_what_is_missing() -> None:
    """Lost otherwise: the call would wait for ever."""
    talk = Talk()
    talk.call.realtime = None
    async with running(talk) as app:
        refusal = await app.page().server(talk.call, "offer", {})
        assert ".stream()" in refusal["meta"]["message"]
        assert await app.page().server(talk.call, "turn", "") == {}
        assert "error" in await app.page().server(talk.call, "fallback", "")


# -- the WebSocket ---------------------------------------------------------------------


async def test_the_fallback_carries_a_call() -> None:
    """Lost otherwise: behind a firewall that blocks UDP nobody could talk."""
    talk = Talk()
    async with running(talk) as app:
        page = app.page(**{"X-Who": "me"})
        found = await page.server(
            talk.call, "fallback", {"session_hash": page.session_hash}
        )
        assert found["url"].startswith(f"{PREFIX}/gradio_api/fastrtc/")
        socket = app.socket(found["url"])
        assert (await socket.next())["type"] == "websocket.accept"
        socket.say({"event": "start", "websocket_id": "me"})
        # The page is asked for its inputs, and its reader is expected.
        await socket.message("send_input")
        assert talk.call.realtime is not None
        session = talk.call.realtime.sessions.get("me")
        assert session is not None
        assert session.context.headers["x-who"] == "me"
        assert session.inputs_announced
        assert talk.call.door.owners.page_of("me") == page.session_hash
        await page.event(talk.call, "tick", "me", 5)
        assert args(session) == [5]
        await socket.leave()
        assert talk.call.realtime.sessions.get("me") is None


async def test_a_ticket_lets_one_in() -> None:
    """Lost otherwise: other sites could open calls past Gradio's login."""
    talk = Talk()
    async with running(talk) as app:
        found = await app.page().server(talk.call, "fallback", "")
        path, _, ticket = found["url"].partition("?")
        socket = app.socket(f"{path}?{ticket}")
        assert (await socket.next())["type"] == "websocket.accept"
        await socket.leave()
        other = path.replace(f"/{talk.call._id}/", "/0/")
        for url in (path, f"{path}?{ticket}", f"{path}?ticket=x", f"{other}?{ticket}"):
            refused = app.socket(url)
            assert (await refused.next())["type"] == "websocket.close"
            await refused._serving
        assert await again(app, talk)


async def again(app: GradioApp, talk: Talk) -> bool:
    """A second page gets its own ticket, and the app no second route."""
    first = await app.page().server(talk.call, "fallback", "")
    second = await app.page().server(talk.call, "fallback", "")
    socket = app.socket(second["url"])
    accepted = (await socket.next())["type"] == "websocket.accept"
    await socket.leave()
    return accepted and first != second


async def test_video_alone_has_no_fallback() -> None:
    """Lost otherwise: a video call would connect and show nothing."""
    with gr.Blocks() as demo:
        call = WebRTC(modality="video")
        call.stream(reply, inputs=[call], outputs=[call])
    async with serve_blocks(demo) as app:
        found = await app.page().server(call, "fallback", "")
        assert set(found) == {"error"}
