"""How fast a device computes: families of kernels fitted to records of gemm, conv3x3, copy and add."""
