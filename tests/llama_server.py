"""A llama-server for tests: a model, its projector and a port; until its input ends."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any


def main(model: str, projector: str = "", port: str = "0") -> None:
    xllamacpp: Any = importlib.import_module("xllamacpp")
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.mmproj.path = projector
    params.n_ctx = 4096
    params.n_parallel = 2
    params.kv_unified = False
    params.n_batch = params.n_ubatch = 64
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = min(2, os.cpu_count() or 1)
    params.cache_ram_mib = 0
    params.port = int(port)
    params.ui = False
    params.verbosity = 1
    params.endpoint_metrics = True
    params.endpoint_slots = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
