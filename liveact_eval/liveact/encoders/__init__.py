"""What turns text, the reference image and speech into conditions of the DiT."""
