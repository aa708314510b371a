"""Which page a session belongs to: its name alone gives no right to it."""

from __future__ import annotations

from collections import OrderedDict

from ..session import Session

MAX_ENDED = 64
"""Ended sessions whose page is still known, as many as have their outputs kept."""


class Owners:
    """The pages of a component's sessions.

    Sessions that came in by another door belong to no page: whoever knows their
    names may set their inputs here as he may there.
    """

    def __init__(self) -> None:
        self._live: dict[str, str] = {}
        self._ended: OrderedDict[str, str] = OrderedDict()

    def __len__(self) -> int:
        return len(self._live) + len(self._ended)

    def note(self, session: Session, page: str | None) -> None:
        """A page has opened this session.

        Args:
            page: its session hash.
        """
        if page is None:
            return
        known = session.id in self._live
        self._live[session.id] = page
        if not known:
            session.on_closed(lambda: self._end(session.id))

    def _end(self, name: str) -> None:
        page = self._live.pop(name, None)
        if page is not None:
            self._ended[name] = page
            self._ended.move_to_end(name)
        while len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def page_of(self, name: str) -> str | None:
        """The page that has opened the session of this name."""
        return self._live.get(name) or self._ended.get(name)

    def admits(self, name: str, page: str | None) -> bool:
        """Whether this page may act on the session of this name."""
        owner = self.page_of(name)
        return owner is None or owner == page
