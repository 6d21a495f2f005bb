"""The models of this server: who may ask them, how they are chosen, loaded and run."""
