"""A small data-parallel trainer: networks with real gradients, data, and loaders of batches.

Everything computes on arrays of a module that is passed in, NumPy or CuPy. Nothing here knows of MPI:
what ranks exchange are slices of one flat vector of gradients.
"""
