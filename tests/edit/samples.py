"""A small text in each language, with what its blocks should be called."""

from __future__ import annotations

from jupyter_fastgen.edit.blocks import Block

SAMPLES: dict[str, tuple[str, str]] = {}
"""Text and outline by language; see `outline`."""


def outline(blocks: tuple[Block, ...], depth: int = 0) -> str:
    """A line for each block: first line and line behind it, its label, `*` for a container."""
    lines: list[str] = []
    for block in blocks:
        mark = "*" if block.is_container else ""
        lines.append(f"{'  ' * depth}{block.start}-{block.end} {mark}{block.label}")
        if block.children:
            lines.append(outline(block.children, depth + 1))
    return "\n".join(lines)


def _sample(language: str, text: str, expected: str) -> None:
    SAMPLES[language] = (text.lstrip("\n"), expected.strip("\n"))


_sample(
    "python",
    '''
import csv

# Rides of one rider,
# by day.
@cache
@log("rides")
async def read(
    path,
    *, limit=10,
):
    # a note
    rows = []
    if limit:
        rows = csv.reader(path)  # all of them
    else:
        raise ValueError
    return rows; print()


class Ride(Base):
    """A ride."""

    bike: str = ""

    def cost(self): return 1

    @property
    def far(self):
        return True
''',
    '''
0-1 import csv
2-17 async def read
  7-8 path
  8-9 *, limit=10
  10-12 rows = []
  12-16 if limit
    13-14 rows = csv.reader(path)
    14-16 else
      15-16 raise ValueError
  16-17 return rows
19-29 *class Ride
  20-21 """A ride."""
  22-23 bike: str = ""
  24-25 def cost
  26-29 def far
    28-29 return True
''',
)

_sample(
    "r",
    """
library(dplyr)

# Cost of a ride
cost <- function(km, rate = 2) {
  if (km > 10) {
    rate <- 1
  }
  km * rate
}

rides |>
  filter(km > 3)
""",
    """
0-1 library(dplyr)
2-9 cost <- function(km, rate = 2)
  4-7 if (km > 10)
    5-6 rate <- 1
  7-8 km * rate
10-12 rides |>
  11-12 filter(km > 3)
""",
)

_sample(
    "julia",
    """
module Rides

# One ride
struct Ride
    km::Float64
end

function cost(ride::Ride)
    total = 0
    for step in 1:3
        total += step
    end
    total
end

half(x) = x / 2

end
""",
    """
0-18 *module Rides
  2-6 struct Ride
    4-5 km::Float64
  7-14 function cost(ride::Ride)
    8-9 total = 0
    9-12 for step in 1:3
      10-11 total += step
    12-13 total
  15-16 half(x) = x / 2
""",
)

_sample(
    "sql",
    """
-- who rides
CREATE TABLE riders (
  id INTEGER,
  name TEXT
);

SELECT name
FROM riders
WHERE id > 3;
""",
    """
0-5 CREATE TABLE riders
  2-3 id
  3-4 name
6-9 SELECT name
  7-9 FROM riders
    8-9 WHERE id > 3
""",
)

_sample(
    "javascript",
    """
import { a } from "a";

/** Sums. */
export async function total(rides) {
  return rides
    .map((ride) => ride.km)
    .reduce((a, b) => a + b, 0);
}

export const half = (x) => {
  const y = x / 2; // exact
  return y;
};

class Ride extends Base {
  get far() {
    return this.km > 3;
  }
}

describe("rides", () => {
  it("sums", () => {
    check();
  });
});
""",
    """
0-1 import { a } from "a"
2-8 async function total
  4-7 return rides
9-13 const half
  10-11 const y
  11-12 return y
14-19 *class Ride
  15-18 get far
    16-17 return this.km > 3
20-25 describe("rides", () =>
  21-24 it("sums", () =>
    22-23 check()
""",
)

_sample(
    "typescript",
    """
@Injectable()
export class Rides<T> implements OnInit {
  @Input() km = 3;

  @log
  private far(): boolean {
    return true;
  }
}

export interface Ride {
  km: number;
  name?: string;
}

namespace Bikes {
  export type Wheel =
    | "big"
    | "small";
}

enum Kind {
  Road,
  Town,
}
""",
    """
0-9 *class Rides
  2-3 @Input() km
  4-8 private far
    6-7 return true
10-14 *interface Ride
  11-12 km
  12-13 name
15-20 *namespace Bikes
  16-19 type Wheel
    17-19 | "big"
21-25 enum Kind
  22-23 Road
  23-24 Town
""",
)

_sample(
    "tsx",
    """
export function Card(props: Props) {
  return (
    <div className="card">
      <Title text={props.title} />
    </div>
  );
}
""",
    """
0-7 function Card
  1-6 return
    2-5 <div className="card">
      3-4 <Title text={props.title} />
""",
)

_sample(
    "html",
    """
<!DOCTYPE html>
<html>
  <body>
    <!-- the list -->
    <ul
      class="rides">
      <li>one</li>
    </ul>
    <script>
      start();
    </script>
  </body>
</html>
""",
    """
0-1 <!DOCTYPE html>
1-13 *<html>
  2-12 *<body>
    3-8 *<ul class="rides">
      6-7 <li>
    8-11 <script>
""",
)

_sample(
    "css",
    """
@import "base.css";

/* The card */
.card:hover,
.card:focus {
  color: red; /* loud */
  margin: 0;
}

@media print {
  body {
    display: none;
  }
}
""",
    """
0-1 @import "base.css"
2-8 .card:hover, .card:focus
  5-6 color: red
  6-7 margin: 0
9-14 *@media print
  10-13 body
    11-12 display: none
""",
)

_sample(
    "scss",
    """
$red: #f00;

.card {
  &:hover {
    color: $red;
  }
}
""",
    """
0-1 $red: #f00
2-7 .card
  3-6 &:hover
    4-5 color: $red
""",
)

_sample(
    "json",
    """
{
  "name": "rides",
  "deps": {
    "a": "1",
    "b": [1, 2,
      3]
  }
}
""",
    """
0-8 { "name": "rides"
  1-2 "name"
  2-7 "deps"
    3-4 "a"
    4-6 "b"
      5-6 3
""",
)

_sample(
    "yaml",
    """
# jobs of this repository
name: check
jobs:
  test:
    steps:
      - uses: checkout
        with: all
      - run: |
          make
""",
    """
0-2 name
2-9 jobs
  3-9 test
    4-9 steps
      5-7 - uses: checkout
        6-7 with
      7-9 - run: |
""",
)

_sample(
    "markdown",
    """
# Rides

All of them
by day.

## Setup

- one
- two
  lines

```python
x = 1
```
""",
    """
0-14 *# Rides
  2-4 All of them
  5-14 *## Setup
    7-8 - one
    8-10 - two
    11-14 ```python
""",
)

_sample(
    "bash",
    """
#!/bin/bash
# Counts.
count() {
  wc -l < "$1"
}

if true; then
  count a && count b
else
  cat <<END
text
END
fi
""",
    """
0-5 count
  3-4 wc -l < "$1"
6-13 if true; then
  7-8 count a && count b
  8-12 else
    9-12 cat <<END
""",
)

_sample(
    "c",
    """
#ifndef RIDES_H
#include <stdio.h>

typedef struct ride {
  int km;
} ride_t;

static int
cost(ride_t *ride)
{
  return ride->km;
}
#endif
""",
    """
0-13 *#ifndef RIDES_H
  1-2 #include <stdio.h>
  3-6 typedef struct ride { int km; } ride_t
    4-5 int km
  7-12 static int cost
    10-11 return ride->km
""",
)

_sample(
    "cpp",
    """
namespace rides {

// One ride
template <class T>
class Ride : public Base {
 public:
  T cost() const {
    return km * 2;
  }
  T km;
};

}  // namespace rides

void Ride::stop(int at) {
  km = at;
}
""",
    """
0-13 *namespace rides
  2-11 *class Ride
    6-9 T cost
      7-8 return km * 2
    9-10 T km
14-17 void Ride::stop
  15-16 km = at
""",
)
