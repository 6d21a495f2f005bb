"""The commands of `jupyter fastgen`, one module each."""
