"""One engine for many users: who may ask, who goes first, how much, and what is told of it."""
