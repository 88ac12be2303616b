"""Counting operations: of native networks on the meta device, and of other systems by formula."""
