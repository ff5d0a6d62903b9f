"""What goes wrong: ValueError for arguments and files, MemoryError, and Error for everything else."""

from __future__ import annotations


class Error(Exception):
    """Something that the arguments are not to blame for: a loss that is not finite, a library that does not load."""
