"""Measured curves: what lies between sizes and beyond them, at other rank counts, and how sure that is."""
