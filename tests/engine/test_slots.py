from __future__ import annotations

from contextlib import ExitStack

from jupyter_fastgen.engine.slots import Slots


def take(slots: Slots, document: str, salt: str = "") -> tuple[int, bool]:
    with slots.lend(document, salt) as lent:
        return lent


def test_a_document_finds_its_slot_again_and_the_oldest_makes_way():
    slots = Slots(2)
    first, second = take(slots, "a"), take(slots, "b")
    assert {first[0], second[0]} == {0, 1}
    assert take(slots, "a") == first
    assert take(slots, "c") == second
    assert take(slots, "a") == first
    assert take(slots, "b")[0] == second[0]


def test_what_others_left_is_not_used():
    slots = Slots(1)
    assert take(slots, "a", "alice") == (0, False)
    assert take(slots, "a", "alice") == (0, True)
    assert take(slots, "b", "alice") == (0, True)
    assert take(slots, "a", "bob") == (0, False)
    assert take(slots, "a", "alice") == (0, False)


def test_a_flood_of_documents_pushes_out_a_fair_share_of_anothers():
    slots = Slots(4)
    alices = [take(slots, f"a{n}", "alice")[0] for n in range(4)]
    for number in range(50):
        take(slots, f"b{number}", "bob")
    kept = [n for n in range(4) if take(slots, f"a{n}", "alice") == (alices[n], True)]
    assert kept == [2, 3]


def test_who_has_one_slot_of_many_users_keeps_it():
    slots = Slots(3)
    for name in ("alice", "bob", "carol"):
        take(slots, "d", name)
    for number in range(50):
        take(slots, f"b{number}", "bob")
    assert take(slots, "d", "alice")[1]
    assert take(slots, "d", "carol")[1]


def test_nobody_waits_for_a_slot_while_another_is_idle():
    slots = Slots(3)
    take(slots, "d", "alice")
    with ExitStack() as running:
        one, _ = running.enter_context(slots.lend("1", "bob"))
        other, _ = running.enter_context(slots.lend("2", "bob"))
        third, _ = running.enter_context(slots.lend("3", "bob"))
        assert len({one, other, third}) == 3
        # All are busy: one waits with those who have begun last.
        assert running.enter_context(slots.lend("1", "bob"))[0] == one
    assert take(slots, "3", "bob") == (third, True)
