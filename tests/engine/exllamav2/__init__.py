"""Tests on the installed library, with a stub of its C++ extension.

The package is imported before its modules, and these import the library.
"""

import sys
from pathlib import Path

import pytest

from jupyter_fastgen.engine.exllamav2 import library

sys.path.insert(0, str(Path(__file__).with_name("stub")))

if absent := library.missing():
    pytest.skip(
        f"not installed: {', '.join(absent)}; see the extra `exllamav2`", allow_module_level=True
    )

ATTENTION = library.import_library()
