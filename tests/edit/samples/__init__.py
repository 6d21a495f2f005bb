"""A small text in each language, with what its blocks should be called."""

from __future__ import annotations

from pathlib import Path

from jupyter_fastgen.edit.blocks import Block


def outline(blocks: tuple[Block, ...], depth: int = 0) -> str:
    """A line for each block: first line and line behind it, its label, `*` for a container."""
    lines: list[str] = []
    for block in blocks:
        mark = "*" if block.is_container else ""
        lines.append(f"{'  ' * depth}{block.start}-{block.end} {mark}{block.label}")
        if block.children:
            lines.append(outline(block.children, depth + 1))
    return "\n".join(lines)


def _sample(path: Path) -> tuple[str, str]:
    text, blocks = path.read_text(encoding="utf-8").split("-- blocks --\n")
    return text, blocks.removesuffix("\n")


SAMPLES = {path.stem: _sample(path) for path in sorted(Path(__file__).parent.glob("*.txt"))}
"""Text and outline by language; see `outline`."""
