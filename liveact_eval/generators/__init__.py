"""How a video is made."""
