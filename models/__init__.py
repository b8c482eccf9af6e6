"""What things are and what they cost in closed form.

The bottom layer: specs, units, errors, the catalogue, the DNN zoo, the collectives (schedule and
closed form side by side) and the closed-form prediction. It needs NumPy and the standard library
only, and this file imports neither, so that a command line can read the specs without NumPy.
"""
