from __future__ import annotations

from jupyter_fastgen.evaluate.edits.sheet import OWN, changed_bytes, without_size

RULE = "body {\n  margin: 0;\n  font-size: 12px;\n}\n\nh1 {\n  font-size: 2rem;\n}\n"


def test_only_the_font_size_of_body_is_the_change():
    rest, sizes = without_size(RULE)
    assert sizes == ["12px"]
    changed, sizes = without_size(RULE.replace("12px", "50px"))
    assert (sizes, changed_bytes(rest, changed)) == (["50px"], 0)
    added, sizes = without_size(RULE.replace("body {", "body {\n  font-size: 50px;"))
    assert (sizes, changed_bytes(rest, added)) == (["50px", "12px"], 0)
    elsewhere, sizes = without_size(RULE.replace("2rem", "50px"))
    assert sizes == ["12px"]
    assert changed_bytes(rest, elsewhere) == len("  font-size: 50px;\n")
    assert changed_bytes(rest, rest[:1]) == len("".join(rest[1:]))


def test_our_own_sheet_is_as_long_as_the_articles_and_has_no_such_size():
    text = OWN.read_text()
    assert 400 <= text.count("\n") <= 440
    assert without_size(text)[1] == []
    assert text.count("body") == 1
