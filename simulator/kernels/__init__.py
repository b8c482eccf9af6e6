"""Inner loops over arrays, written so that numba can compile them."""
