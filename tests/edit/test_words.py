from __future__ import annotations

from jupyter_fastgen.edit.words import Span, word_changes


def test_only_the_word_that_changed_is_told():
    assert word_changes("x = old_name + 1", "x = new_name + 1") == [Span(4, 12, 4, 12)]
    assert word_changes("f(a)", "f(a, b)") == [Span(3, 3, 3, 6)]


def test_texts_with_little_in_common_change_as_a_whole():
    assert word_changes("return x", "while True:") == [Span(0, 8, 0, 11)]
