"""How fast ghost text is and what it costs, measured on this machine."""
