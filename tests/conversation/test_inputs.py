"""Additional inputs of reply functions in conversation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fastrtc import AdditionalOutputs, ReplyOnPause
from fastrtc.session import SessionTable
from fastrtc.testing import Conversation, LoudnessModel, speech
from fastrtc.transports.memory import MemoryClient
from tests.support.handlers import tone

pytestmark = pytest.mark.virtual_time
VOICE = (24_000, tone(0.5))


class Bot:
    """A bot whose reply function has the given parameters; notes their values."""

    def __init__(self, **options: Any) -> None:
        self.got: list[Any] = []
        self.options = options

    def one(self, audio: Any, name: str) -> Iterator[Any]:
        self.got.append(name)
        yield VOICE

    def default(self, audio: Any, name: str = "nobody", n: int = 3) -> Iterator[Any]:
        self.got.append((name, n))
        yield VOICE

    def any(self, audio: Any, *rest: Any) -> Iterator[Any]:
        self.got.append(rest)
        yield VOICE

    def none(self, audio: Any) -> Iterator[Any]:
        self.got.append(audio)
        yield VOICE

    def talk(self, fn: Any, defaults: Any = None) -> Conversation:
        handler = ReplyOnPause(fn, model=LoudnessModel(), **self.options)
        table = SessionTable(lambda: handler, defaults=lambda: defaults)
        return Conversation(table)


async def test_inputs_that_are_required_are_waited_for() -> None:
    """Lost otherwise: the reply would start without what the page says."""
    bot = Bot()
    async with bot.talk(bot.one) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("send_input", within_s=3)
        await talk.bot_is_silent(for_s=5)
        talk.client.session.set_input("Ann")
        await talk.bot_starts(within_s=0.1)
    assert bot.got == ["Ann"]


async def test_inputs_that_came_before_are_used_at_once() -> None:
    """Lost otherwise: each reply would wait for the page again."""
    bot = Bot()
    async with bot.talk(bot.one) as talk:
        talk.client.session.set_input("Ann")
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
        talk.client.session.set_input("Bob")
        talk.say(speech(1.0), at_s=4)
        await talk.until(6)
    assert bot.got == ["Ann", "Bob"]


async def test_defaults_of_the_function_are_used_without_waiting() -> None:
    """Lost otherwise: an optional input would silence the bot."""
    bot = Bot()
    async with bot.talk(bot.default) as talk:
        said = talk.say(speech(1.0), at_s=1)
        assert await talk.bot_starts(within_s=3) - said.end_s < 0.6
        talk.client.session.set_input("Ann")
        talk.say(speech(1.0), at_s=4)
        await talk.until(6)
    assert bot.got == [("nobody", 3), ("Ann", 3)]


async def test_defaults_of_the_components_are_used_without_waiting() -> None:
    """Lost otherwise: the first reply would wait until somebody touches the page."""
    bot = Bot()
    async with bot.talk(bot.one, defaults=["Eve"]) as talk:
        said = talk.say(speech(1.0), at_s=1)
        assert await talk.bot_starts(within_s=3) - said.end_s < 0.6
    assert bot.got == ["Eve"]


async def test_a_function_of_any_number_of_inputs() -> None:
    """Lost otherwise: wrapped reply functions would not get their inputs."""
    bot = Bot()
    async with bot.talk(bot.any, defaults=[1, 2, 3]) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
    assert bot.got == [(1, 2, 3)]


async def test_needs_args_for_functions_that_do_not_say() -> None:
    """Lost otherwise: builtin and wrapped callables could not take inputs."""
    got: list[Any] = []

    class Opaque:
        @property
        def __signature__(self) -> Any:
            raise ValueError("opaque")

        def __call__(self, *args: Any) -> Any:
            got.append(args[1:])
            return iter([VOICE])

    bot = Bot(needs_args=True)
    async with bot.talk(Opaque(), defaults=["x"]) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
    assert got == [("x",)]


async def test_inputs_for_a_function_that_takes_none_are_left_out() -> None:
    """Lost otherwise: adding a component to the page would break the bot."""
    bot = Bot()
    async with bot.talk(bot.none, defaults=[1, 2]) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.bot_starts(within_s=3)
    assert len(bot.got) == 1


async def test_a_wrong_number_of_inputs_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Lost otherwise: a forgotten parameter would be silence."""
    bot = Bot()
    async with bot.talk(bot.one, defaults=[1, 2]) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("error", within_s=3)
    assert "takes 1 to 1 additional inputs, 2 came" in caplog.text


async def test_what_was_typed_is_the_first_argument() -> None:
    """Lost otherwise: the textbox variant would not work."""

    @dataclass
    class Data:
        webrtc_id: str
        textbox: str
        audio: Any = None

    bot = Bot(needs_args=True)
    async with bot.talk(bot.none) as talk:
        data = Data(talk.client.session.id, "hello")
        talk.client.session.set_input(data)
        handler: Any = talk.client.session.handler
        handler.trigger_response()
        await talk.bot_starts(within_s=0.2)
    assert bot.got == [data]
    assert data.audio is None


async def test_over_the_phone_outputs_become_the_next_inputs() -> None:
    """Lost otherwise: a phone bot would forget what was said before."""
    got: list[Any] = []

    def reply(audio: Any, history: Any = None) -> Iterator[Any]:
        got.append(history)
        yield VOICE
        yield AdditionalOutputs([*(history or []), len(got)])

    handler = ReplyOnPause(reply, model=LoudnessModel())
    async with Conversation(handler) as talk:
        talk.client.session.handler.phone_mode = True
        for n in range(3):
            talk.say(speech(1.0), at_s=1 + 4 * n)
        await talk.until(13)
    assert got == [None, [1], [1, 2]]


async def test_on_a_page_outputs_do_not_become_inputs() -> None:
    """Lost otherwise: a page's values would be overwritten by the bot."""
    bot = Bot()

    def reply(audio: Any, name: str) -> Iterator[Any]:
        bot.got.append(name)
        yield AdditionalOutputs("from the bot")

    async with bot.talk(reply, defaults=["from the page"]) as talk:
        for n in range(2):
            talk.say(speech(1.0), at_s=1 + 4 * n)
        await talk.until(8)
    assert bot.got == ["from the page"] * 2


async def test_the_greeting_gets_the_inputs_too() -> None:
    """Lost otherwise: a bot could not greet by name."""
    bot = Bot()
    greeted: list[str] = []

    def greet(name: str) -> Iterator[Any]:
        greeted.append(name)
        yield VOICE

    bot.options["startup_fn"] = greet
    async with bot.talk(bot.one) as talk:
        await talk.bot_is_silent(for_s=1)
        talk.client.session.set_input("Ann")
        await talk.bot_starts(within_s=0.1)
    assert greeted == ["Ann"]


async def test_hanging_up_while_inputs_are_awaited() -> None:
    """Lost otherwise: each such call would leave a waiting task."""
    bot = Bot()
    async with bot.talk(bot.one) as talk:
        talk.say(speech(1.0), at_s=1)
        await talk.message("send_input", within_s=3)
    await asyncio.sleep(100)
    assert bot.got == []


async def test_a_greeting_that_takes_no_inputs_is_given_none() -> None:
    """Lost otherwise: a bot with inputs could not greet with a plain function."""
    bot = Bot()
    greeted: list[bool] = []

    def greet() -> Iterator[Any]:
        greeted.append(True)
        yield VOICE

    handler = ReplyOnPause(bot.one, startup_fn=greet, model=LoudnessModel())
    table = SessionTable(lambda: handler, defaults=lambda: ["a name"])
    async with Conversation(table) as talk:
        await talk.until(0.5)
    assert greeted == [True]


async def test_a_page_of_ones_own_is_asked_at_each_turn() -> None:
    """Lost otherwise: the history that a hand-written page keeps, after one turn."""
    bot = Bot()
    async with bot.talk(bot.one, defaults=["nobody"]) as talk:
        await talk.message("send_input", within_s=0.1)
        for number, name in enumerate(("Ann", "Bob")):
            talk.say(speech(1.0), at_s=1 + 5 * number)
            await talk.message("send_input", within_s=2, after_s=1 + 5 * number)
            talk.client.session.set_input(name)
            await talk.bot_starts(within_s=3)
            await talk.until(5 + 5 * number)
    assert bot.got == ["Ann", "Bob"]


async def test_a_page_that_has_sent_its_inputs_is_not_asked_for_them() -> None:
    """Lost otherwise: pages that send inputs first would do it twice."""
    bot = Bot()
    table = SessionTable(
        lambda: ReplyOnPause(bot.one, model=LoudnessModel()), defaults=lambda: ["it"]
    )
    table.set_input("early", "Ann")
    client = MemoryClient(table, "early")
    await asyncio.sleep(0.1)
    assert client.messages == []
    await client.hang_up()
