"""What can be measured: every operation is a row that prepares one timed call and its check."""
