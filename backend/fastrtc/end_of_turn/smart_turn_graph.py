"""Smart Turn's network, fitted to a shorter clip, with less work and less rounding.

The published graph takes 8 s and nothing else. Its weights stay as they are; of the
graph is changed:

- its length. Two constants know it: a shape, and the encoder's table of positions,
  of which the last rows are kept, since the pause is at the end of a clip.
- a result made int8 only to be made float again is left in float. A product then
  comes out of int8 as float in one step, and softmax runs on float vectors.
- one result is never made int8, since that takes from it most of what it says.
- the five operators of each GELU are one.

Milliseconds of CPU for a clip, one thread, on one core of a server of 2024
(onnxruntime 1.32, features not included):

    seconds heard     3     4     5     6     8
    only its length  8.1  12.0  16.2  21.2  31.3
    all of it        7.2  10.0  13.2  16.6  23.5

onnxruntime does none of this by itself: it looks for other ways of writing GELU, so
neither its higher levels of optimisation nor its approximation of GELU find any.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .._protobuf import field, fields
from .log_mel import MELS

POSITIONS = "inner.encoder.embed_positions.weight"
TOKENS = "val_21"
"""The constant with the number of tokens that attention is shaped by."""
FRAMES_A_TOKEN = 2

_MODEL_GRAPH = 7
_NODE, _CONSTANT, _INPUT, _KNOWN_SHAPE = 1, 5, 11, 13
_FLOAT, _INT64 = 1, 7
COARSE = "gelu_4"
"""The third layer's GELU. A few of its channels reach 50, so int8 has steps of 0.44
for it; half of its values lie within 0.013 of 0, and of the negative ones none remains.
On recorded speech (n = 150), 4 s each, it moved the probability by 0.1 on average and
the area under the ROC curve from .938 to .900; all other rounding together by 0.02 and
to .937. Left in float it costs 1.5 ms of the 10."""
_CONTRIBUTED = "com.microsoft"
_FROM_INT8 = {"MatMul", "Gemm", "Conv"}
"""Operators that onnxruntime computes in int8 where their inputs come from it."""


def fitted(published: bytes, frames: int) -> bytes:
    """The model for clips of so many frames, from the published model file.

    Args:
        published: the file.
        frames: an even number, at most the 800 of the file.

    Returns:
        A model file: float32 (1, 80, frames) in, float32 (1, 1) out.

    Raises:
        KeyError, ValueError: the file holds another model.
    """
    if frames % FRAMES_A_TOKEN:
        raise ValueError(f"{frames} frames are an odd number")
    graph = _fitted_graph(_bytes(published, _MODEL_GRAPH), frames)
    others = (item for item in fields(published) if item[0] != _MODEL_GRAPH)
    parts = [field(number, value) for number, value in others]
    return b"".join((*parts, field(_MODEL_GRAPH, graph)))


def _fitted_graph(graph: bytes, frames: int) -> bytes:
    nodes: list[bytes] = []
    others: list[tuple[int, int | bytes]] = []
    changed: set[str] = set()
    for number, value in fields(graph):
        if number == _NODE and isinstance(value, bytes):
            nodes.append(value)
            continue
        if number == _CONSTANT and isinstance(value, bytes):
            name = _text(value, 8)
            if name in (POSITIONS, TOKENS):
                changed.add(name)
                value = _fitted_constant(name, value, frames // FRAMES_A_TOKEN)
        elif number == _INPUT and isinstance(value, bytes):
            value = _input(_text(value, 1), frames)
        # Shapes known beforehand are those of 8 s.
        if number != _KNOWN_SHAPE:
            others.append((number, value))
    if changed != {POSITIONS, TOKENS}:
        raise KeyError(f"no constants named {POSITIONS} and {TOKENS}")
    items = [(_NODE, node) for node in _simplified(nodes)] + others
    return b"".join(field(number, value) for number, value in items)


# -- length --------------------------------------------------------------------


def _fitted_constant(name: str, tensor: bytes, tokens: int) -> bytes:
    shape = [value for number, value in fields(tensor) if number == 1]
    if name == TOKENS:
        return _tensor(name, _INT64, [1], tokens.to_bytes(8, "little"))
    rows, columns = (size for size in shape if isinstance(size, int))
    raw = _bytes(tensor, 9)
    size = 4 * columns
    if not 0 < tokens <= rows or len(raw) != rows * size:
        raise ValueError(f"{name} has {rows} rows, not {tokens}")
    return _tensor(name, _FLOAT, [tokens, columns], raw[-tokens * size :])


def _tensor(name: str, kind: int, shape: Iterable[int], raw: bytes) -> bytes:
    sizes = b"".join(field(1, size) for size in shape)
    return sizes + field(2, kind) + field(8, name) + field(9, raw)


def _input(name: str, frames: int) -> bytes:
    """float32 (clips, 80, frames).

    The number of clips keeps a name: were it known to be 1, onnxruntime would join
    each product with its bias, find no int8 for that, and need four times as long.
    """
    sizes = (field(2, "clips"), field(1, MELS), field(1, frames))
    tensor = field(1, _FLOAT) + field(2, b"".join(field(1, size) for size in sizes))
    return field(1, name) + field(2, field(1, tensor))


# -- operators -----------------------------------------------------------------


@dataclass(frozen=True)
class _Node:
    """A node and its message."""

    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    message: bytes


def _simplified(messages: Iterable[bytes]) -> Iterator[bytes]:
    nodes = [_read_node(message) for message in messages]
    makers = {name: node for node in nodes for name in node.outputs}
    users: defaultdict[str, list[_Node]] = defaultdict(list)
    for node in nodes:
        for name in node.inputs:
            users[name].append(node)

    # In the place of its last one, each chain of nodes becomes one node.
    new: dict[str, bytes | None] = {}
    for node in nodes:
        if node.operator == "Erf":
            new |= _gelu(node, makers, users)
        elif node.operator == "MatMul":
            new |= _product(node, users)
    for node in nodes:
        message = new.get(node.outputs[0], node.message)
        if message is not None:
            yield message


def _gelu(
    erf: _Node, makers: dict[str, _Node], users: dict[str, list[_Node]]
) -> dict[str, bytes | None]:
    """x / sqrt(2), erf, + 1, * 0.5, * x."""
    chain = [makers[erf.inputs[0]], erf]
    for _ in range(3):
        chain.append(_only_user(chain[-1], users))
    found = [node.operator for node in chain]
    source = chain[0].inputs[0]
    if found != ["Div", "Erf", "Add", "Mul", "Mul"] or source not in chain[-1].inputs:
        raise ValueError(f"an Erf that is part of no GELU: {found}")
    if chain[-1].outputs[0] == COARSE:
        chain += _through_int8(chain[-1], users)
    return _joined(chain, "Gelu", [source], _CONTRIBUTED)


def _product(product: _Node, users: dict[str, list[_Node]]) -> dict[str, bytes | None]:
    """A product whose result is made int8 and float again for others than products."""
    ways = _through_int8(product, users)
    if not ways or {node.operator for node in users[ways[-1].outputs[0]]} & _FROM_INT8:
        return {}
    return _joined([product, *ways], "MatMul", product.inputs)


def _through_int8(node: _Node, users: dict[str, list[_Node]]) -> list[_Node]:
    """The two nodes that make a node's result int8 and float again, if it has them."""
    into_int8 = _only_user(node, users)
    if into_int8.operator != "QuantizeLinear":
        return []
    out_of_int8 = _only_user(into_int8, users)
    return (
        [into_int8, out_of_int8] if out_of_int8.operator == "DequantizeLinear" else []
    )


def _joined(
    chain: list[_Node], operator: str, inputs: Iterable[str], domain: str = ""
) -> dict[str, bytes | None]:
    """One node for several: by their outputs, its message, and None for the rest."""
    output = chain[-1].outputs[0]
    message = _message(operator, inputs, output, domain)
    return dict.fromkeys((node.outputs[0] for node in chain), None) | {output: message}


def _only_user(node: _Node, users: dict[str, list[_Node]]) -> _Node:
    (user,) = users[node.outputs[0]]
    return user


def _read_node(message: bytes) -> _Node:
    inputs: list[str] = []
    outputs: list[str] = []
    for number, value in fields(message):
        if number in (1, 2) and isinstance(value, bytes):
            (inputs if number == 1 else outputs).append(value.decode())
    return _Node(_text(message, 4), tuple(inputs), tuple(outputs), message)


def _message(
    operator: str, inputs: Iterable[str], output: str, domain: str = ""
) -> bytes:
    names = b"".join(field(1, name) for name in inputs)
    return names + field(2, output) + field(4, operator) + field(7, domain)


def _text(message: bytes, number: int) -> str:
    return _bytes(message, number).decode()


def _bytes(message: bytes, number: int) -> bytes:
    for found, value in fields(message):
        if found == number and isinstance(value, bytes):
            return value
    raise ValueError(f"the message has no field {number}")
