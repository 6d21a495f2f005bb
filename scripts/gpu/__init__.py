"""The steps of `scripts/gpu_check.py`."""
