"""Replays of results that others published, beside what a naive reader would have said of them."""
