"""Text from files and pipes, and batches of it."""
