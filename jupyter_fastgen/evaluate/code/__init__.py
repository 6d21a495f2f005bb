"""How good whole functions are that a model writes."""
