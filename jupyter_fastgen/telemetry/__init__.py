"""What is told of the work of a user's server: events, and metrics. Never text."""
