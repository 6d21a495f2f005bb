"""A tiny model of Python, trained on the spot: nothing need be brought, and it writes no noise."""

from __future__ import annotations

import sysconfig
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CONTEXT = 512
REFERENCE = "reference.safetensors"
"""Tokens of a text that is not trained on, and transformers' logits for them."""

SIZES = {
    "hidden_size": 512,
    "intermediate_size": 1536,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "num_key_value_heads": 2,
}


def sources() -> tuple[list[str], str]:
    """Files of the standard library to train on, and one that is left out."""
    paths = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    texts = [path.read_text("utf-8", errors="ignore") for path in paths]
    longest = max(texts, key=len)
    return [text for text in texts if text is not longest], longest


def make_tokenizer(texts: list[str], size: int) -> Tokenizer:
    """A byte-level tokenizer of `size` entries, the first of which ends texts."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def train(
    folder: Path, seconds: float, steps: int = 10**9, vocabulary: int = 4096, **sizes: int
) -> dict[str, float]:
    """Train into a model folder, fp16, for so long or so many steps; gives what came of it."""
    # Imported now: where the engine is in the same process, it would take our `flash_attn` for one.
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    texts, held_out = sources()
    tokenizer = make_tokenizer(texts, vocabulary)
    encoded = tokenizer.encode_batch(texts)
    ids = torch.tensor([id for text in encoded for id in [*text.ids, 0]])
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        max_position_embeddings=8192,
        eos_token_id=0,
        bos_token_id=None,
        tie_word_embeddings=False,
        **(SIZES | sizes),
    )
    model = LlamaForCausalLM(config).to(device)
    rate = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95))
    batch = 32 if device == "cuda" else 2
    started, done, loss = time.perf_counter(), 0, float("nan")
    while done < steps and time.perf_counter() - started < seconds:
        starts = torch.randint(len(ids) - CONTEXT - 1, (batch,)).tolist()
        rows = torch.stack([ids[start : start + CONTEXT] for start in starts]).to(device)
        with torch.autocast(device, dtype=torch.bfloat16):
            step = model(input_ids=rows, labels=rows).loss
        step.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        rate.step()
        rate.zero_grad()
        done, loss = done + 1, step.item()
    folder.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    write_reference(folder, tokenizer.encode(held_out).ids[: 4 * CONTEXT], device)
    return {
        "steps": done,
        "loss": loss,
        "parameters": sum(weights.numel() for weights in model.parameters()),
    }


def write_reference(folder: Path, ids: list[int], device: str) -> None:
    """What transformers says of these tokens with the weights as they were saved, in float32."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(device)
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids], device=device)).logits[0]
    tensors = {"ids": torch.tensor(ids), "logits": logits.float().cpu()}
    save_file(tensors, folder / REFERENCE)
