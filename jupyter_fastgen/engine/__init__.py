"""Engines: the protocol (`base`), its adapters, and the process they run in (`worker`)."""
