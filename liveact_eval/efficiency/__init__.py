"""What generation costs: time, memory and operations."""
