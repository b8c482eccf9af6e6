"""Fits of the link model to records and logs, with hold-out errors and samples behind every number."""
