"""Tests on the installed library, with a stub of its C++ extension.

The package is imported before its modules, and these import the library.
"""

import sys
from pathlib import Path

import pytest

from jupyter_fastgen.engine.exllamav2 import library, requirements

sys.path.insert(0, str(Path(__file__).with_name("stub")))

if lacking := requirements.import_faults():
    pytest.skip("; ".join(fault.text for fault in lacking), allow_module_level=True)

ATTENTION = library.import_library()
