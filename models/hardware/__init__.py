"""Devices, links and clusters: what they are, and what a message costs on them."""
