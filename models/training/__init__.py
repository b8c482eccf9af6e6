"""One training step in closed form: compute, gradient buckets, their exchange, the optimiser."""
