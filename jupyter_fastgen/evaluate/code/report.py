"""`docs/code.md`: what results of `eval code` say, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from ..quality.report import versions
from ..results import BadResultsError
from ..tables import CODE_HEAD, STYLE_HEAD, code_row, markdown_table, percent, style_row
from .functions import MARGINS, Outcome, Results, outcome, read_results
from .problems import Benchmark
from .style import FUNCTION_LINES, LINE_LENGTH
from .writing import TOKENS


def write(folder: Path) -> str:
    """The Markdown of the results (*.jsonl) in `folder`; raises `BadResultsError`."""
    results = [read_results(path) for path in sorted(folder.glob("*.jsonl"))]
    if not any(each.records for each in results):
        raise BadResultsError(f"{folder} holds no results of `jupyter fastgen eval code`")
    isolation = sorted({r.verdict.isolation for each in results for r in each.records} - {""})
    parts = [
        _HEAD.format(
            date=date.today().isoformat(),
            versions=f"{versions()}; radon {version('radon')}",
            tokens=TOKENS,
            isolation=" and ".join(isolation),
        )
    ]
    text: dict[Benchmark, str] = {"HumanEval": _HUMAN_EVAL, "COFFE": _COFFE}
    for benchmark, told in text.items():
        found = [e for e in results if e.settings.benchmark == benchmark and e.records]
        if found:
            outcomes = _outcomes(found)
            measures = sorted({each.measure for each in outcomes.values()} - {""})
            parts.append(
                told.format(
                    measure=" and ".join(measures),
                    margin=", ".join(f"{percent(share)} of {m}" for m, share in MARGINS.items()),
                    table=_table(outcomes, benchmark),
                )
            )
    parts.append(
        _STYLE.format(
            line=LINE_LENGTH,
            function=FUNCTION_LINES,
            table=markdown_table(
                ["", *STYLE_HEAD],
                [[name, *style_row(each)] for name, each in _outcomes(results).items()],
            ),
        )
    )
    return "\n".join(parts)


def _outcomes(results: Sequence[Results]) -> dict[str, Outcome]:
    """By model and sample."""
    return {_name(each): outcome(each.records) for each in results if each.records}


def _name(found: Results) -> str:
    settings = found.settings
    drawn = f"{settings.limit} drawn with seed {settings.seed}" if settings.limit else "all"
    return f"{settings.model}, {settings.benchmark}, {drawn}"


def _table(outcomes: dict[str, Outcome], benchmark: Benchmark) -> str:
    wanted = [
        n for n, name in enumerate(CODE_HEAD) if benchmark == "COFFE" or name not in _EFFICIENCY
    ]
    rows = [
        [name, *(row[n] for n in wanted)]
        for name, row in ((name, code_row(each)) for name, each in outcomes.items())
    ]
    return markdown_table(["", *(CODE_HEAD[n] for n in wanted)], rows)


_EFFICIENCY = {"efficient@1", "timed", "speed-up, all / median"}

_HEAD = """\
# How good whole functions are

Written by `jupyter fastgen eval code-report FOLDER --out docs/code.md` on {date} from the results
of the commands below. To change this page, change the command.

{versions}

What a description gives, with the product's own prompt, up to {tokens} tokens, decoded greedily:
the same run gives the same answers. `reference` is the data's own solutions, judged in the same
way: what the judge says of right programs. Times of prefill and decoding are those of a machine
that may have been busy with other work.

Generated code runs in a process of its own, confined by: {isolation}. It has no network, starts no
process and no thread, writes no file, finds none of the environment, and is limited in time and
memory. The tests and the verdict are in another process, which gives it arguments and takes plain
data. Both sets of problems are old and widely copied, and models have seen them: compare models
and prompts with these numbers, and do not take them for what a model does with your problems.
"""

_HUMAN_EVAL = """\
## Correctness: HumanEval

`jupyter fastgen eval code --out FILE --model NAME --limit N`

Problems and tests of M. Chen et al., "Evaluating Large Language Models Trained on Code"
([arXiv:2107.03374](https://arxiv.org/abs/2107.03374)), from the package `human-eval`. "right": all
tests of a problem pass. "broken off": the answer was longer than it may be. A run may have been
ended before it had done all that was drawn: mind the first column.

{table}
"""

_COFFE = """\
## Efficiency: COFFE

`jupyter fastgen eval code --coffe FOLDER --out FILE --model NAME --limit N`

Problems of function level, tests and references of Y. Peng et al., "COFFE: A Code Efficiency
Benchmark for Code Generation" ([arXiv:2502.02827](https://arxiv.org/abs/2502.02827)).

- right: all tests of correctness pass.
- efficient@1: the share of all problems whose answer is right, and takes less than COFFE's fastest
  reference on the heavy inputs, added up.
- speed-up: what the references take by what the answers take, over the problems that are timed:
  those where the answer is right, on the heavy inputs, too. "all": of the sums, as COFFE has it;
  "median": of the single problems.

Here it is measured in: {measure}. What differs from COFFE:

- It counts instructions, we do so where the machine can, and else take CPU time. To count as less,
  an answer must save more than the noise: {margin}.
- A short call is made often, each time of a program that was run anew, by turns with the reference,
  and the least of several rounds counts. It is measured from outside, by the process that calls.
- An answer that returns something else than the reference on a heavy input is not efficient.
- Results are compared as COFFE does (tuples and lists alike, floats up to 1e-6), but strings
  exactly.

{table}
"""

_STYLE = """\
## How they read: static factors of RACE

The same answers. Factors of J. Zheng et al., "Beyond Correctness: Benchmarking Multi-dimensional
Code Generation for Large Language Models" ([arXiv:2407.11470](https://arxiv.org/abs/2407.11470)).
RACE demands each in the prompt and counts the answers that meet the demand; here nothing is
demanded: this is the style that comes by itself.

- snake case: all functions, parameters and variables are named so. short: no line of more than
  {line} characters, no function of more than {function} lines. docstrings: every function has one.
  Shares of all answers; one that doesn't parse has none of these. HumanEval's problems, and two in
  five of COFFE's, are stubs, whose signature and docstring the answers repeat.
- comments per statement: comments and docstrings by statements other than headers and imports.
  maintainability index: radon's, 0 to 100, docstrings counted as comments. functions: how many
  there are (modularity). Means of the answers that parse.

{table}
"""
