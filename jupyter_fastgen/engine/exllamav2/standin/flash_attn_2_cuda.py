"""Empty: ExLlamaV2 imports it to see that `flash_attn` was compiled."""
