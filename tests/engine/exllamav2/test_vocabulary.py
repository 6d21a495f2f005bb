from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models

from jupyter_fastgen.edit.constraint import sparse
from jupyter_fastgen.engine.base import EngineError
from jupyter_fastgen.engine.exllamav2.grammar import Grammars
from jupyter_fastgen.engine.exllamav2.vocabulary import Vocabulary, end_tokens, load_vocabulary

from . import harness

FACES = "x = '\U0001f600' # na\u00efve \u4f60\u597d\n\tif"


@pytest.fixture(scope="module")
def words() -> Vocabulary:
    return harness.vocabulary()


def test_the_bytes_of_a_texts_tokens_are_the_text(words: Vocabulary):
    assert b"".join(words.pieces[token] for token in words.encode(FACES)).decode() == FACES


def test_special_tokens_are_read_and_stand_for_no_text(words: Vocabulary):
    ids = words.encode("<|fim_prefix|>a<|fim_middle|>")
    assert ids[0] == words.special("<|fim_prefix|>")
    assert words.pieces[ids[0]] == b""
    assert words.special("a") is None


@pytest.mark.parametrize("begin", [b"", b" ", b" the", b" Par", "\u00ef".encode()[:1]])
def test_the_agreeing_tokens_are_all_that_do(words: Vocabulary, begin: bytes):
    expected = {
        id
        for id, piece in enumerate(words.pieces)
        if piece and (piece.startswith(begin) or begin.startswith(piece))
    }
    got = words.agreeing(begin).tolist()
    assert set(got) == expected
    assert len(got) == len(expected)


def test_pieces_of_sentencepiece_are_spaces_and_bytes():
    names = {"<s>": 0, "<0x0A>": 1, "\u2581the": 2, "\u2581\u2581": 3, "\u00ef": 4}
    tokenizer = Tokenizer(models.WordLevel(names, unk_token="<s>"))
    tokenizer.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.Fuse()])
    tokenizer.add_special_tokens(["<s>"])
    read = Vocabulary(tokenizer, [0])
    assert read.pieces == [b"", b"\n", b" the", b"  ", "\u00ef".encode()]


@pytest.mark.parametrize(
    ("generation", "config", "ends"),
    [
        ({"eos_token_id": [7, 8]}, {"eos_token_id": 9}, [7, 8]),
        ({"eos_token_id": 7}, {}, [7]),
        (None, {"eos_token_id": 9}, [9]),
        ({}, {}, []),
    ],
)
def test_all_end_tokens_are_read(
    tmp_path: Path, generation: dict | None, config: dict, ends: list[int]
):
    if generation is not None:
        (tmp_path / "generation_config.json").write_text(json.dumps(generation))
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert end_tokens(tmp_path) == ends


def test_a_folder_without_a_tokenizer_is_an_error(tmp_path: Path):
    with pytest.raises(EngineError, match=r"tokenizer\.json can't be read"):
        load_vocabulary(tmp_path)


# --- grammars -------------------------------------------------------------------


def follow(words: Vocabulary, grammar: str, text: str) -> tuple[str, bool]:
    """How far a text follows a grammar, and whether it may end there.

    Where only one text can follow, its usual tokens alone are allowed.
    """
    matcher = Grammars(words).matcher(grammar)
    left = text.encode()
    while left:
        fitting = [id for id in matcher.allowed().tolist() if left.startswith(words.pieces[id])]
        fitting = [id for id in fitting if words.pieces[id]]
        if not fitting:
            break
        token = max(fitting, key=lambda id: len(words.pieces[id]))
        left = left[len(words.pieces[token]) :]
        if not matcher.take(token):
            return text[: len(text) - len(left)], True
    return text[: len(text) - len(left)], any(end in matcher.allowed() for end in words.ends)


def test_alternatives_that_begin_alike_are_told_apart(words: Vocabulary):
    # A marker and a new line may both begin with `# .`, a fence and a new line with a backtick.
    grammar = sparse(["def f(x):", "    return x"], "python", "```")
    text = "def f(x):\n    # .twice\n    `x`\n# ... existing code ...\nreturn x\n```"
    assert follow(words, grammar, text) == (text, True)
    assert follow(words, grammar, "return y")[0] == "return "


def test_a_text_may_end_where_its_grammar_does(words: Vocabulary):
    assert follow(words, 'root ::= "ab" "c"?', "ab") == ("ab", True)
    assert follow(words, 'root ::= "ab" "c"?', "a") == ("a", False)
