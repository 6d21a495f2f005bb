"""An engine process with this on its path has the harness' model in place of one on a GPU."""

import contextlib
import os
import sys

if "FASTGEN_HARNESS" in os.environ:
    # The library prints when it is imported, and standard output is the pipe to the server.
    with contextlib.redirect_stdout(sys.stderr):
        from tests.engine.exllamav2 import harness

        harness.install(prefill_ms=0.4)
