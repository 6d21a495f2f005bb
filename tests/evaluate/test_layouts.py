from __future__ import annotations

from jupyter_fastgen.completion.context import guess_tokens
from jupyter_fastgen.completion.prompt import TEMPLATES
from jupyter_fastgen.document import Cell, Cursor, Document
from jupyter_fastgen.evaluate.quality.layouts import (
    CONTINUE_TOKENS,
    VIM_BATCH,
    VIM_LINES,
    Layout,
    arrange,
    framed,
    options,
)

BOOK = Document(
    "python",
    "n.ipynb",
    0,
    [
        Cell("a", "markdown", "# Title\n\nSome text"),
        Cell("b", "code", "x = 1"),
        Cell("c", "code", "y = x\nz = \nw = z"),
        Cell("d", "code", "print(w)"),
    ],
)
OFFSET = len("y = x\nz = ")
CURSOR = Cursor(BOOK, "c", OFFSET)


def sides(layout: Layout, book: Document = BOOK) -> tuple[str, str]:
    found = arrange(layout, Cursor(book, "c", OFFSET))
    return found.before, found.after


def long_book(lines: int) -> Document:
    above = "\n".join(f"value_{n} = compute({n})" for n in range(lines))
    cells = [
        Cell("a", "code", above),
        Cell("b", "code", ""),
        BOOK.cells[2],
        Cell("e", "code", above),
    ]
    return Document("python", "n.ipynb", 0, cells)


def test_ours_is_the_notebook_as_it_is():
    assert arrange("all", CURSOR) == CURSOR


def test_cell_only():
    found = arrange("cell-only", CURSOR)
    assert (found.document.cells, found.cell, found.offset) == ([BOOK.cells[2]], "c", OFFSET)


def test_unbudgeted_holds_everything_however_long():
    before, after = sides("unbudgeted")
    assert before == "# # Title\n# Some text\n\nx = 1\n\ny = x\nz = "
    assert after == "\nw = z\n\nprint(w)"
    before, after = sides("unbudgeted", long_book(2000))
    assert before.startswith("value_0 =")
    assert after.endswith("compute(1999)")


def test_continue_quotes_text_cells_and_keeps_a_share_of_its_budget():
    before, after = sides("continue")
    assert before.startswith('"""\n# Title\n\nSome text\n"""\n\nx = 1\n\n')
    assert after == "\nw = z\n\nprint(w)"
    before, after = sides("continue", long_book(300))
    for text, tokens in zip((before, after), CONTINUE_TOKENS, strict=True):
        assert tokens * 0.8 < guess_tokens(text) <= tokens
    assert before.endswith("y = x\nz = ")
    assert after.startswith("\nw = z\n")


def test_llama_vim_keeps_lines_and_then_its_batch():
    short = Document("python", "n.ipynb", 0, long_book(300).cells)
    short.cells[0].source = short.cells[3].source = "\n".join("a" for _ in range(300))
    before, after = sides("llama-vim", short)
    assert before.count("\n") == VIM_LINES[0]
    assert after.count("\n") == VIM_LINES[1]
    before, after = sides("llama-vim", long_book(300))
    assert VIM_BATCH * 0.7 < guess_tokens(before) <= VIM_BATCH * 0.75 + guess_tokens("z = ")
    assert VIM_BATCH * 0.2 < guess_tokens(after) <= VIM_BATCH * 0.25
    assert before.endswith("y = x\nz = ")


def test_peers_use_the_usual_prompt_and_llama_vim_has_a_header():
    for peer in ("llama-vim", "continue"):
        assert not options(peer, True, 64).anchored
    assert options("all", True, 64).anchored
    assert not options("all", False, 64).anchored
    qwen = TEMPLATES["qwen"]
    prefix = framed("llama-vim", qwen).prefix
    assert prefix == "<|repo_name|>myproject\n<|file_sep|>filename\n<|fim_prefix|>"
    assert framed("continue", qwen) == qwen
    assert framed("llama-vim", TEMPLATES["prefix-only"]) == TEMPLATES["prefix-only"]
