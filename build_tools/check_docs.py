"""Check the documentation: Python blocks compile, links and commands exist.

Run `python -m build_tools.check_docs`. Addresses on the web are not fetched.
"""

from __future__ import annotations

import ast
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+|~~~+)(?P<info>[^\n`]*)\n"
    r"(?P<body>.*?)^(?P=indent)(?P=fence) *$",
    re.MULTILINE | re.DOTALL,
)
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)[^)]*\)")
HEADING = re.compile(r"^#+ +(?P<title>.+?) *#*$", re.MULTILINE)
MAKE = re.compile(r"\bmake (?P<target>[a-z][a-z-]*)")
ELSEWHERE = ("http:", "https:", "mailto:", "data:")


def problems_of(root: Path) -> list[str]:
    """Everything wrong in the project's Markdown, one line each."""
    targets = _make_targets(root / "Makefile")
    problems: list[str] = []
    for page in pages(root):
        text = page.read_text(encoding="utf-8")
        found = [*_code_problems(text), *_link_problems(page, text)]
        found += _command_problems(text, targets)
        where = page.relative_to(root).as_posix()
        problems += [f"{where}:{line}: {what}" for line, what in found]
    return problems


def pages(root: Path) -> list[Path]:
    """The README, the contributor's guide, the docs and the demos' pages."""
    found = [*root.glob("*.md"), *root.glob("docs/**/*.md"), *root.glob("demo/*/*.md")]
    return sorted(found)


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as code hosts make them."""
    titles = (match["title"] for match in HEADING.finditer(_without_blocks(text)))
    return {_anchor(title) for title in titles}


def _anchors_of(page: Path) -> set[str]:
    return anchors(page.read_text(encoding="utf-8"))


def _code_problems(text: str) -> Iterator[tuple[int, str]]:
    for block in FENCE.finditer(text):
        words = block["info"].split()
        if not words or words[0] not in {"python", "py"}:
            continue
        line = text.count("\n", 0, block.start()) + 1
        try:
            # Top-level await is allowed: pieces of async code are shown bare.
            compile(
                textwrap.dedent(block["body"]),
                "<docs>",
                "exec",
                ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
                dont_inherit=True,
            )
        except SyntaxError as error:
            yield line + (error.lineno or 0), f"Python doesn't compile: {error.msg}"


def _link_problems(page: Path, text: str) -> Iterator[tuple[int, str]]:
    prose = _prose(text)
    for link in LINK.finditer(prose):
        target = link["target"].strip("<>")
        if target.startswith(ELSEWHERE):
            continue
        line = prose.count("\n", 0, link.start()) + 1
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        if not file.exists():
            yield line, f"link to a file that doesn't exist: {target}"
        elif anchor and file.suffix == ".md" and anchor not in _anchors_of(file):
            yield line, f"link to a heading that doesn't exist: {target}"


def _command_problems(text: str, targets: set[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        commands = re.findall(r"`([^`]*)`", line)
        if line.strip().startswith(("make ", "$ make ")):
            commands.append(line)
        for command in commands:
            for match in MAKE.finditer(command):
                if match["target"] not in targets:
                    yield number, f"make has no target {match['target']}"


def _make_targets(makefile: Path) -> set[str]:
    text = makefile.read_text(encoding="utf-8") if makefile.is_file() else ""
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.MULTILINE))


def _prose(text: str) -> str:
    """The text with its code blanked out, lines kept."""
    return re.sub(
        r"`[^`\n]*`(?!\])", lambda code: "x" * len(code[0]), _without_blocks(text)
    )


def _without_blocks(text: str) -> str:
    return FENCE.sub(lambda block: "\n" * block[0].count("\n"), text)


def _anchor(title: str) -> str:
    title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[^\w\- ]", "", title).strip().replace(" ", "-")


def main() -> int:
    """Print the problems of the project this file is in."""
    root = Path(__file__).parents[1]
    problems = problems_of(root)
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"docs: {len(pages(root))} pages, nothing wrong")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
