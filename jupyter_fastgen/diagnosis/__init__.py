"""What ghost text needs, looked at piece by piece, for `jupyter fastgen doctor`."""
