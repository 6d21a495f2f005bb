"""How good suggestions are, on rows and on notebooks."""
