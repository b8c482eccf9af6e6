"""Training steps executed rank by rank."""
