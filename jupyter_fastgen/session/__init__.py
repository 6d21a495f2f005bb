"""What browsers and kernels ask of this server: the jobs that answer, and what becomes of them."""
