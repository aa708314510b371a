"""Small XML documents, with everything escaped."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element, tostring


def element(
    tag: str, /, text: str = "", children: Iterable[Element] = (), **attributes: str
) -> Element:
    """An element with its attributes, text and children."""
    made = Element(tag, attributes)
    made.text = "".join(c for c in text if c.isprintable()) or None
    made.extend(children)
    return made


def response(*children: Element) -> str:
    """The document that providers expect."""
    root = element("Response", children=children)
    return '<?xml version="1.0" encoding="UTF-8"?>' + tostring(root, "unicode")
