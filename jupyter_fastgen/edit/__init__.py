"""Block edits: from the few lines that a model writes to hunks that a person accepts or not."""
