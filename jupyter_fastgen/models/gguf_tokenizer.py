"""The tokenizer that a GGUF file carries, as the `tokenizer.json` it was made from.

Byte-level BPE only: a GGUF names its pre-tokenizer, and the expressions behind the names are those
of llama.cpp's `llama-vocab.cpp`, so that both give the same ids.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from .errors import BadModelFile

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_LLAMA3 = (
    r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

SPLITS = {
    "gpt-2": (_GPT2,),
    "llama-bpe": (_LLAMA3,),
    "qwen2": (_LLAMA3.replace("{1,3}", ""),),
    "smollm": (r"\p{N}", _GPT2),
}
"""By what a text is cut before its bytes are merged, one expression after the other."""

# A word that is a token of its own is taken whole, whatever the merges say.
_IGNORE_MERGES = ("llama-bpe",)

# llama.cpp's kinds of tokens.
_UNKNOWN, _CONTROL, _USER_DEFINED = 2, 3, 4

_ENDS = ("<|endoftext|>", "<|im_end|>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>")
"""Texts that end an answer in llama.cpp, whichever of them the file names as its one end."""


def write_tokenizer(fields: Mapping[str, Any], source: Path, folder: Path) -> None:
    """Write `tokenizer.json`, and the two small files that say what begins and ends a text.

    `fields` are the metadata of the GGUF file `source`. Raises `BadModelFile` for a tokenizer
    that is none of these.
    """
    kind = fields.get("tokenizer.ggml.model")
    split = fields.get("tokenizer.ggml.pre", "")
    if kind != "gpt2" or split not in SPLITS:
        raise BadModelFile(
            source,
            f"its tokenizer ({kind}, {split or 'not named'}) can't be written as tokenizer.json; "
            "convert the folder that it was made from",
        )
    tokens: list[str] = fields["tokenizer.ggml.tokens"]
    kinds: list[int] = fields["tokenizer.ggml.token_type"]
    merges = [tuple(pair.split(" ", 1)) for pair in fields["tokenizer.ggml.merges"]]
    _build(tokens, kinds, merges, split).save(str(folder / "tokenizer.json"))

    def token(role: str) -> str | None:
        id: int | None = fields.get(f"tokenizer.ggml.{role}_token_id")
        return None if id is None else tokens[id]

    told = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": token("bos"),
        "eos_token": token("eos"),
        "unk_token": token("unknown"),
        "pad_token": token("padding"),
        "add_bos_token": bool(fields.get("tokenizer.ggml.add_bos_token", False)),
        "clean_up_tokenization_spaces": False,
        "chat_template": fields.get("tokenizer.chat_template"),
    }
    _write(folder / "tokenizer_config.json", {k: v for k, v in told.items() if v is not None})
    ends = {tokens.index(text) for text in _ENDS if text in tokens}
    ends |= {fields[key] for key in ("tokenizer.ggml.eos_token_id",) if key in fields}
    _write(folder / "generation_config.json", {"eos_token_id": sorted(ends)})


def _build(tokens: list[str], kinds: list[int], merges: list[tuple[str, ...]], split: str) -> Any:
    # Its types are incomplete.
    library: Any = importlib.import_module("tokenizers")
    steps = library.pre_tokenizers
    tokenizer = library.Tokenizer(
        library.models.BPE(
            vocab={text: id for id, text in enumerate(tokens)},
            merges=merges,
            ignore_merges=split in _IGNORE_MERGES,
        )
    )
    cuts = [steps.Split(library.Regex(pattern), "isolated") for pattern in SPLITS[split]]
    in_bytes = steps.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = steps.Sequence([*cuts, in_bytes])
    tokenizer.decoder = library.decoders.ByteLevel()
    for text, kind in zip(tokens, kinds, strict=True):
        if kind in (_UNKNOWN, _CONTROL):
            special = library.AddedToken(text, special=True, normalized=False)
            tokenizer.add_special_tokens([special])
        elif kind == _USER_DEFINED:
            tokenizer.add_tokens([library.AddedToken(text, special=False, normalized=False)])
    return tokenizer


def _write(path: Path, value: dict[str, object]) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2))
