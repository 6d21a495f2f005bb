"""What live kernels hold: watched from the server, looked at by a probe that runs in them."""
