"""Links from whole exchanges: what training runs took to exchange the gradients of networks."""
