"""Kernels that bound a training step: multiply, convolve, copy, add, convert, move to and from a device."""
