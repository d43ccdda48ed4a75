"""Reading and writing data files."""

from cnnx.data.idx import read_idx, write_idx

__all__ = ["read_idx", "write_idx"]
