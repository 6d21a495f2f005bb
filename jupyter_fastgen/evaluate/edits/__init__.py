"""How exact edits are."""
