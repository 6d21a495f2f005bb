"""ExLlamaV2: quantized models on an NVIDIA GPU. Nothing here imports torch before a model loads."""
