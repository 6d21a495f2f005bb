from __future__ import annotations

import io

import pytest

from jupyter_fastgen.engine import last_words


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("", ""),
        ("def secret(): pass\nloaded the model\n", ""),
        (
            "/src/ggml.c:12: GGML_ASSERT(n > 0) failed\n#0 ggml_abort\n#1 main\n",
            "; GGML_ASSERT(n > 0) failed",
        ),
        (
            "terminate called after throwing an instance of 'std::runtime_error'\n"
            "  what():  Unexpected empty grammar stack\n",
            "; what():  Unexpected empty grammar stack",
        ),
        ("  x = secret\nMemoryError: no room\nValueError: secret\n", "; MemoryError: no room"),
        ("free(): invalid pointer\n", "; free(): invalid pointer"),
        (f"ImportError: {'y' * 1000}\n", f"; ImportError: {'y' * 187}"),
    ],
)
def test_only_the_last_fatal_message_is_told(printed: str, told: str):
    assert last_words.of(io.BytesIO(b"secret\n" * 10_000 + printed.encode())) == told
