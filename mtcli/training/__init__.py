"""Weights from batches: the loop, its loss and schedule, and what it needs to go on after a stop."""
