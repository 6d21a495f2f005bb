"""Lines as people write them in notebooks, by the cells that stand above them."""

ABOVE = (
    "import numpy as np\nimport pandas as pd\nimport matplotlib.pyplot as plt",
    "from pathlib import Path\nfrom collections import Counter, defaultdict",
    "import asyncio, re, sys",
    "from dataclasses import dataclass, field\nfrom typing import Any, Generic, TypeVar",
    "df = pd.read_csv('sales.csv')\nother = df.copy()\nrows, total = [], 0\nx, y = 1.5, 2",
    "def load(path, *, limit=10):\n    return path\n\nclass Base:\n    kind = 'base'",
    "T = TypeVar('T')\nmodel = Base()\nwords = ['a', 'b']\npoints = [(1, 2), (3, 4)]\ndata = {}",
    "!pip install polars\n%matplotlib inline\nfiles = !ls",
    "%%capture log\nprint('quiet')",
    "%%bash\necho $HOME && ls | grep 'x",
)

GOOD = r'''
df.head()
df.groupby("region")["price"].mean().sort_values(ascending=False)
df[df["price"] > 100].query("region == 'north'").reset_index(drop=True)
df["margin"] = df["price"] - df["cost"]
df.loc[df.price > df.price.median(), ["region", "price"]]
df.assign(ratio=lambda d: d["price"] / d["cost"]).pipe(lambda d: d[d.ratio > 1])
df.merge(other, on="id", how="left", suffixes=("", "_other"))
df = df.rename(columns={"old": "new"}).dropna(subset=["new"])
df.agg({"price": ["mean", "max"], "cost": np.median})
df.plot(kind="bar", x="region", y="price", figsize=(10, 4), title="Prices");
fig, ax = plt.subplots(2, 3, figsize=(12, 8), sharex=True)
ax = plt.gca(); ax.set_title("Sales")
for ax, name in zip(np.ravel(x), words): print(ax, name)
for i, (left, right) in enumerate(points):
for key, value in data.items():
plt.plot(df["x"], df["y"], "o-", label=f"{x:.2f} m")
np.linspace(0, 1, 50)[:, np.newaxis] @ np.ones((1, 3))
a, *middle, b = words
(first, second), third = points[0], 3
a = b = c = 0
x += 1
x: float = 3.0
counts: dict[str, int] = {}
names: "list[str]" = []
matrix = [[row * column for column in range(5)] for row in range(5)]
squares = {n: n**2 for n in range(10) if n % 2}
unique = {word.lower() for word in words}
flat = [item for pair in points for item in pair]
evens = (n for n in range(100) if not n % 2)
any(word.startswith("a") for word in words)
max(points, key=lambda point: point[1])
sorted(words, key=lambda w, size=len: size(w))
add = lambda a, b=2, *args, c, **kwargs: a + b + c
list(map(lambda pair: pair[0], points))
print(*words, sep="\n")
load("a.csv", **{"limit": 3})
merged = {**data, "k": 1}
both = [*words, *files]
if (n := len(words)) > 3: print(n)
while (line := sys.stdin.readline()):
total = sum(p for _, p in points)
print(f"{total:>10,.2f} of {len(words)!r} {x=}")
print(f"{'yes' if x else 'no'} {data['k']:{int(x)}} {{literal}}")
print(f"{[w for w in words if w]}")
print(f"{(lambda v: v * 2)(x)}")
print("%s has %d" % ("a", 3))
print("{} and {name}".format(x, name=y))
r"\d+\s*"
re.findall(r"(\w+)@(\w+)\.com", "a@b.com")
b"bytes" + rb"\x00"
"""one line docstring"""
text = "it's" + 'a "quote"' + '\''
def area(width: float, height: float = 1.0, /, *, unit: str = "m") -> float:
def total(*values: int, **options: Any) -> int: return sum(values) + len(options)
async def fetch(url, session=None):
result = await asyncio.gather(*(asyncio.sleep(n) for n in range(3)))
async with asyncio.timeout(3) as timer:
async for chunk in stream_of(words): print(chunk)
class Point(Base):
class Box(Base, Generic[T], metaclass=type):
@dataclass
@dataclass(frozen=True, slots=True)
@property
with open("a.txt") as source, open("b.txt", "w") as target: target.write(source.read())
with Path("a.txt").open() as (handle):
try: value = int("3")
except ValueError as error: print(error)
except (KeyError, TypeError): pass
except* OSError as group: print(group.exceptions)
else:
elif x > 3 and not y:
finally:
raise ValueError(f"bad {x}") from None
assert x > 0, "x must be positive"
assert isinstance(model, Base)
del rows[0], data
global counter
nonlocal seen
import seaborn as sns
import os.path, json as js
import sklearn.linear_model
from sklearn.linear_model import LinearRegression, Ridge as R
from . import helpers
from __future__ import annotations
match points[0]:
case (0, column): print(column)
case {"kind": kind, **rest}: print(kind, rest)
case Base(kind=k) | [k, *_] if k: print(k)
case _:
return [row for row in rows if row]
yield from (row for row in rows)
yield
break
pass
lambda: None
_
_ + __
Out[3] + _5
In[-1]
display(df, other)
get_ipython().run_line_magic("time", "1")
%timeit df.sum()
%time fitted = model.fit(df)
%load_ext autoreload
%autoreload 2
%env HOME=/tmp
%matplotlib widget
%run -i other.py
!ls -la "it's" | head
!pip install "pandas>=2"
listing = !ls *.csv
here = %pwd
df.head?
?df
np.array??
pip install polars
ls -la
model.kind = "other"
model.fit(df, y).predict(df[["a", "b"]])
points[0][1], points[-1] = 3, (1, 2)
words[1:3] = ["x"]
df.iloc[:, 1:-1].values.T
df[["a", "b"]].corr().style.background_gradient(cmap="coolwarm")
df["date"] = pd.to_datetime(df["date"]).dt.strftime("%Y-%m")
np.random.default_rng(42).normal(size=(3, 2))
x if x > y else y
not x
-x ** 2 // 3 % 4 << 1 & ~y
x < y <= 3 != 4
x is not None and "a" not in words
1_000_000 + 0xFF + 1e-5 + 3j + .5
counter = Counter(w for line in files for w in line.split())
groups = defaultdict(lambda: defaultdict(list))
[w for w in words if (m := re.match("a", w)) and m.group()]
{**{k: v for k, v in data.items()}}
print(x, end=""); print(y)
if x: print(x)
if x > 3:  # large
for word in words: total += len(word)
x = (
df.groupby(["a",
result = load(
values = [  # of the year
text = """Several
df \
print("a"
items: list[int] = field(default_factory=list)
def __init__(self, size=len(words)): self.size = size
Path(__file__).parent / "data" if "__file__" in globals() else Path.cwd()
sys.exit("done") if __name__ == "__main__" else None
# a comment about nothing_known
'''.strip("\n").split("\n")

UNKNOWN_NAMES = r"""
dff.head()
df.merge(othr, on="id")
pl.read_csv("a.csv")
plt.plot(xs, y)
print(f"{totl:.2f}")
print(f"{'a' + nme}")
[wrd for word in words]
sorted(words, key=lambda w: len(v))
total = sum(values)
with opn("a.txt") as f:
for word in wrds:
if coutn > 3:
x = y + z
x += delta
return resul
def f(a=default_value):
class A(Bass):
@datclass
raise ValueEror("x")
except ValueEror:
x: Flaot = 3.0
del missing
load(**options)
data[key]
y = lst[0]
assert isnstance(x, int)
df[df.price > threshold]
print(missing); print(x)
""".strip().split("\n")

BROKEN = r"""
print(x))
df["a"]]
x = = 3
x = (1, 2]
for in words:
for word words:
if x = 3:
def 3f():
def f(a, a b):
import
from pandas import
x = "abc
x = f"{x" + "
print("a' + x)
class class:
lambda = 3
return = 3
else if x:
x = 3 +
df. = 3
x ==
while:
[word for word in]
print(x y)
""".strip().split("\n")
