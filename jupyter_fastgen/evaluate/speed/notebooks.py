"""The notebook that is typed where the person names none."""

from pathlib import Path

BIKES = Path(__file__).with_name("bikes.ipynb")
"""A data analysis of our own writing: about 100 lines, the last 260 keys of which are typed."""
