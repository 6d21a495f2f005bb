"""What the library makes of sizes of pictures."""

Size = tuple[int, int]

def size_to_longest_edge_and_patch_size(
    input_size: Size, max_size: Size, patch_size: Size
) -> Size: ...
def smart_resize(
    size: Size, factor: int = 28, min_pixels: int = ..., max_pixels: int = ...
) -> Size: ...
