"""Code from a description: pure prompts, what of an answer is code, and the service over both."""
