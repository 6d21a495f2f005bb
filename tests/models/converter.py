"""Stands in for ExLlamaV2's conversion: its options, its status lines, its job file, its manners.

Like the library it goes on with whatever job it finds, whatever it is called with, and ends with
status 0 after an error that it notices. FAKE says what it does: lines to print and die by, "hang",
or "" for all stages.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path

STAGES = ("Measuring", "Quantizing", "Compiling")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("-i", dest="in_dir")
    parser.add_argument("-o", dest="out_dir", type=Path)
    parser.add_argument("-cf", dest="compile_full")
    parser.add_argument("-b", dest="bits", type=float)
    parser.add_argument("-so", dest="status", action="store_true")
    told = parser.parse_args()
    assert os.environ["EXLLAMA_NO_SDPA"] == "1"
    told.out_dir.mkdir(exist_ok=True)
    (told.out_dir / "pid").write_text(str(os.getpid()))
    file = told.out_dir / "job_new.json"
    job = {key: vars(told)[key] for key in ("in_dir", "compile_full", "bits")}
    job |= {"progress": STAGES[0]}
    if file.exists():
        job |= json.loads(file.read_text())
        print(" -- Resuming job")
    fake = os.environ.get("FAKE", "")
    for stage in STAGES[STAGES.index(job["progress"]) :]:
        job["progress"] = stage
        file.write_text(json.dumps(job))
        for done in (0.0, 0.5, 1.0):
            print(f'[STATUS]{{"stage": "{stage}", "completion": {done}}}[/STATUS]')
            if fake and (stage, done) == ("Quantizing", 0.5):
                if fake == "hang":
                    time.sleep(60)
                print(fake)
                sys.exit(1 if "Error:" in fake else 0)
    out = Path(job["compile_full"])
    out.mkdir()
    for path in Path(job["in_dir"]).iterdir():
        if path.suffix != ".safetensors":
            shutil.copy(path, out)
    (out / "output.safetensors").write_text(json.dumps(job))
    file.write_text(json.dumps({**job, "progress": "finished"}))


main()
