from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_fastgen import protocol
from jupyter_fastgen.completion.gate import Context, Gate, Held, Screen, context_at
from jupyter_fastgen.completion.namespace import Namespace, Variable
from jupyter_fastgen.document import Cursor, Document

from .notebook_lines import ABOVE, BROKEN, GOOD, UNKNOWN_NAMES

FRAME = Variable(
    "df",
    "DataFrame",
    columns=(("price", "float64"), ("unit cost", "float64")),
    shape=(9, 2),
    members=frozenset(("head", "groupby", "mean", "assign")),
)
WIDE = replace(FRAME, name="wide", shape=(9, 90))
SERIES = Variable("series", "Series", shape=(3,), columns=(("price", "float64"),))
ARRAY = Variable("array", "ndarray", shape=(3,), members=frozenset(("mean", "sum", "T")))
MODEL = Variable("model", "Ridge", members=frozenset(("fit", "alpha")))
LAZY = Variable("lazy", "module")
LIVE = Namespace(
    "python", {v.name: v for v in (FRAME, WIDE, SERIES, ARRAY, MODEL, LAZY)}, complete=True
)


def python(before: str = "", after: str = "", **more: object) -> Context:
    return Context("python", before=before, after=after, **more)  # type: ignore[arg-type]


def streamed(context: Context, text: str) -> Held | None:
    """What the gate says of an answer that comes sign by sign."""
    gate = Gate(context)
    for end in range(1, len(text)):
        if held := gate.check(text[:end], complete=False):
            return held
    return gate.check(text, complete=True)


def gate_of(context: Context, text: str) -> str:
    held = streamed(context, text)
    return held.gate if held else ""


def test_there_are_lines_enough_to_mean_something():
    assert len(GOOD) >= 120


@pytest.mark.parametrize("line", GOOD)
def test_right_lines_pass(line: str):
    above = (*ABOVE, "async def stream_of(items):\n    yield items")
    assert streamed(python(above=above), line) is None


@pytest.mark.parametrize("line", GOOD)
def test_right_lines_pass_from_any_place_within(line: str):
    above = (*ABOVE, "async def stream_of(items):\n    yield items")
    for typed in range(1, len(line)):
        assert streamed(python(line[:typed], above=above), line[typed:]) is None, line[:typed]


@pytest.mark.parametrize("line", UNKNOWN_NAMES)
def test_a_name_that_nothing_defines_is_held(line: str):
    assert gate_of(python(above=ABOVE), line) == "names"


@pytest.mark.parametrize("line", BROKEN)
def test_what_is_not_python_is_held(line: str):
    assert gate_of(python(above=ABOVE), line) == "syntax"


def test_a_comment_that_only_begins_is_held():
    for before, text in (("", "#"), ("x = 1\n", "# \n"), ("total()", "  #")):
        assert gate_of(python(before), text) == "comment"
        assert Gate(python(before)).check_cut(text) is not None
    assert gate_of(python(), "# the mean") == ""
    assert Gate(python()).check_cut("# the mean") is None
    assert gate_of(Context("sql"), "--\n") == "comment"
    assert gate_of(Context("c", before="int i = n"), "--") == ""


def test_the_person_is_told_which_name():
    assert streamed(python("x = 1\n"), "print(xx)") == Held(
        "names", "uses the name `xx`, which nothing above defines"
    )


@pytest.mark.parametrize(
    ("before", "after", "text"),
    [
        ("helper(", ")\n\ndef helper(n):\n    return n", "3"),
        ("def f(self, count):\n    ", "", "return self.size + count"),
        ("class A:\n    size = 3\n    ", "", "double = size * 2"),
        ("for n in range(3):\n    ", "", "print(n)"),
        ("with open('a') as f:\n    ", "", "text = f.read()\n    print(text)"),
        ("totals = [", " for n in range(3)]", "n * 2"),
        ("totals = [\n    ", "\n    for n in range(3)\n]", "n * 2"),
        ("df = make(\n    a, b", "", ")"),
        ("x = foo(a\ny = ", "", "x + 1"),  # a bracket forgotten above is not the suggestion's fault
        ("print 'Python 2'\nx = 1\n", "", "print x"),
        ("%%timeit n = 3\n", "", "n = 4"),
        ("%%bash\n", "", "echo $HOME | grep -v missing"),
        ("%%html\n", "", "<b>it's</b>"),
        ("'''a text that\n", "", "mentions (anything"),
        ("if True:\n    x = 1\n", "", "else:\n    x = 2"),
        ("try:\n    x = 1\n", "", "except ValueError as e:\n    print(e)"),
        ("import os\n", "", "os.sep"),
        ("", "", "\n\nx = 1"),
        ("", "", "def f(n):\n    m = n\n    return m"),
    ],
)
def test_what_is_around_the_cursor_counts(before: str, after: str, text: str):
    bound = ("def make(*a): pass", "a = b = foo = 1")
    assert streamed(python(before, after, above=bound), text) is None


def test_cells_below_define_names_too():
    assert streamed(python(below=("late = 3",)), "print(late)") is None


@pytest.mark.parametrize(
    "above",
    [
        "from numpy import *",
        "%pylab inline",
        "%run setup.py",
        "globals().update(a=1)",
        "x = 1\n" * 20_000,
    ],
)
def test_names_are_not_judged_where_anything_may_be_bound(above: str):
    assert streamed(python(above=(above,)), "array(3)") is None


def test_reading_globals_binds_nothing():
    above = ("from timeit import timeit\ntimeit('f()', globals=globals())",)
    assert gate_of(python(above=above), "dff.head()") == "names"


def test_what_stands_in_a_huge_cell_is_not_read():
    before = "\n".join(f"value_{n} = {n}" for n in range(5000)) + "\n"
    assert gate_of(python(before, namespace=LIVE), "value_4999 + 1") == ""


def test_a_live_kernel_has_not_run_what_binds_any_name():
    context = python(above=("from numpy import *",), namespace=LIVE)
    assert gate_of(context, "zeros(3)") == ""


def test_names_are_not_judged_where_some_of_the_kernel_are_not_known():
    assert gate_of(python(namespace=LIVE), "other(3)") == "names"
    assert gate_of(python(namespace=replace(LIVE, complete=False)), "other(3)") == ""


def test_an_unknown_name_is_held_before_its_line_is_over():
    gate = Gate(python())
    assert gate.check("dff", complete=False) is None
    assert gate.check("dff.", complete=False) is None
    held = gate.check("dff.h", complete=False)
    assert held is not None
    assert gate.check("dff.head()", complete=True) == held


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("print(dff.x", False),  # `for dff in …` may follow
        ("print(dff.x)", True),
        ("print(1, dff.x", True),
        ("print(1, [dff.x", False),
        ("print(1, [dff.x, 2", True),
        ("x = [1, dff.x", True),
        ("(a, dff[0]", False),  # may be assigned to
    ],
)
def test_in_brackets_a_name_is_held_once_no_comprehension_can_bind_it(text: str, held: bool):
    assert (Gate(python()).check(text + " ", complete=False) is not None) == held


@pytest.mark.parametrize(
    ("text", "gate"),
    [
        ("df.groupby('price')", ""),
        ("df.price", ""),
        ("df.cost.mean()", "attributes"),
        ("array.summ()", "attributes"),
        ("array.made = 3", ""),
        ("array.sum()\narray.summ()", "attributes"),
        ("model.coef_", "attributes"),
        ("model.fit(3)\nmodel.coef_", ""),
        ("array = f()\narray.anything()", ""),
        ("[array.x for array in ()]", ""),
        ("lazy.anything()", ""),
        ("df['price'].mean()", ""),
        ('df["unit cost"] > 3', ""),
        ("df['prize'].mean()", "columns"),
        ("df[['price', 'prize']]", "columns"),
        ("df['new'] = df['price']", ""),
        ("df['new'] = df['prize']", "columns"),
        ("df['new'] = 1\ndf['new'].mean()", ""),
        ("df[df['prize'] > 3]", "columns"),
        ("df = df.assign(more=1)\ndf['more']", ""),
        ("df[name]", ""),
        ("df[f'{name}']", ""),
        ("wide['prize'].mean()", ""),
        ("wide.cost.mean()", ""),
        ("series['first']", ""),
    ],
)
def test_live_objects_know_their_attributes_and_columns(text: str, gate: str):
    assert gate_of(python(above=("name = 'a'\nf = print",), namespace=LIVE), text) == gate


def test_what_follows_a_suggestion_is_judged_behind_it():
    document = Document.opened(protocol.Open("d", [protocol.Cell("a", "code", "x = 1")], "python"))
    context = context_at(Cursor(document, "a", 5), ahead="\nyes = 2")
    assert gate_of(context, "\nprint(yes)") == ""
    assert gate_of(context, "\nyes = 2") == "repetition"


def test_the_receiver_may_be_typed_already():
    assert gate_of(python("array.", namespace=LIVE), "summ()") == "attributes"
    assert gate_of(python("array.su", namespace=LIVE), "mm()") == "attributes"
    assert gate_of(python("df['", "']", namespace=LIVE), "prize") == "columns"
    assert gate_of(python("df['", "']", namespace=LIVE), "price") == ""


def test_a_column_that_a_cell_makes_is_known():
    for made in ("df['new'] = 1", "df = df.assign(new=1)", "df.columns = ['new']"):
        assert gate_of(python(above=(made,), namespace=LIVE), "df['new'].mean()") == ""


@pytest.mark.parametrize(
    ("before", "after", "text", "held"),
    [
        ("total = 1\n", "", "total  =  1", True),
        ("total = 1\ntot", "", "al = 1", True),
        ("total = 1", "", "\ntotal = 1", True),
        ("", "\n\ntotal = 1", "total = 1\nprint()", True),
        ("a = 1\n", "\nb = 2", "c = 3", False),
        ("x = [\n  0, 0,\n  ", "\n  0, 0]", "0, 0,", False),
        ("if a:\n    pass\n", "", "pass", False),
        ("a()\nb()\n", "", "a()\nb()", True),
        ("a()\nb()\n", "", "a()\nc()", False),
        ("", "", "b()\na()\na()\na()", True),
        ("f(1)\n", "", "", False),
        ("if a:\n    return b\n", "", "return b", False),
    ],
)
@pytest.mark.parametrize("language", ["python", "r", "julia", ""])
def test_repetition(before: str, after: str, text: str, held: bool, language: str):
    context = Context(language, ("a = b = c = f = print",), before, after)
    assert gate_of(context, text) == ("repetition" if held else "")


@pytest.mark.parametrize(
    ("deleted", "text", "held"),
    [
        ("plt.show()", "plt.show()", True),
        ("plt.show()", " plt.show()\nprint(3)", True),
        ("plt", "plt", True),
        ("plt", "plt.show()", False),
        ("plt.show()", "plt.plot()", False),
        ("   ", "   x", False),
    ],
)
def test_what_was_just_deleted_does_not_come_back(deleted: str, text: str, held: bool):
    context = Context("r", deleted=(deleted,))
    assert gate_of(context, text) == ("deleted" if held else "")


@pytest.mark.parametrize("language", ["r", "julia", "javascript", ""])
def test_other_languages_are_not_read_as_python(language: str):
    assert streamed(Context(language), "x <- unknown %>% filter(y == 'a) }") is None


def test_the_context_of_a_cursor():
    cells = [
        protocol.Cell("a", "code", "x = 1"),
        protocol.Cell("b", "markdown", "text"),
        protocol.Cell("c", "code", "print(x)"),
        protocol.Cell("d", "code", "y = 2"),
    ]
    document = Document.opened(protocol.Open("d", cells, "Python"))
    context = context_at(Cursor(document, "c", 6))
    assert context == Context("python", ("x = 1",), "print(", "x)", ("y = 2",))
    assert context_at(Cursor(document, "b", 4)).language == ""


WORDS = "df x lambda for in if else def import from as match case %time %%bash {{ }} ''' f\" 1"
PIECES = st.sampled_from([*"()[]{}=.,:;\n\t #%!?'\"\\@*\0\u00e9", "\n    ", *WORDS.split()])
CODE = st.lists(PIECES, max_size=20).map("".join)


@given(CODE, CODE, CODE, CODE)
def test_any_text_is_judged_and_what_was_held_stays_held(
    above: str, before: str, after: str, text: str
):
    gate = Gate(Context("python", (above,), before, after, (above,), LIVE, (above,)))
    held = None
    for end in range(len(text)):
        now = gate.check(text[:end], complete=False)
        assert held is None or now == held
        held = now
    assert held is None or gate.check(text, complete=True) == held
    gate.check(text, complete=True)


def passed(screen: Screen, *pieces: str, complete: bool = True) -> str:
    return "".join([*map(screen.push, pieces), screen.finish(complete)])


def test_without_a_context_all_passes():
    screen = Screen(None)
    assert passed(screen, "df", "f))") == "dff))"
    assert screen.held is None


def test_the_first_line_passes_as_it_comes_and_the_others_whole():
    screen = Screen(python())
    pieces = ["x", " = 3", "\ny", " = 4", "\n"]
    assert [screen.push(piece) for piece in pieces] == ["x", " = 3", "", "", "\ny = 4"]


def test_nothing_stays_of_a_bad_first_line():
    screen = Screen(python())
    assert passed(screen, "x = ", "dff", ".head()") == "x = dff"
    assert screen.held is not None
    assert not screen.keeps


@pytest.mark.parametrize("complete", [True, False])
def test_good_lines_stay_before_a_bad_one(complete: bool):
    for pieces in (["x = 3\ny = x + 1\nz = dff.head()"], [*"x = 3\ny = x + 1\nz = dff.head()"]):
        screen = Screen(python())
        assert passed(screen, *pieces, complete=complete) == "x = 3\ny = x + 1"
        assert screen.held == Held("names", "uses the name `dff`, which nothing above defines")
        assert screen.keeps


def test_lines_that_are_only_good_without_their_end_do_not_stay():
    screen = Screen(python("a()\nb()\nc()\n", above=("a = b = c = print",)))
    assert passed(screen, "a()\nb()\nc()")
    assert screen.held == Held("repetition", "repeats the lines above")
    assert not screen.keeps


def test_the_end_of_an_answer_that_was_cut_off_is_not_judged():
    assert passed(Screen(python("x = 1\n")), "y = [x, zz", complete=False) == "y = [x, zz"
    assert passed(Screen(python("x = 1\n")), "y = (x +", complete=False) == "y = (x +"
