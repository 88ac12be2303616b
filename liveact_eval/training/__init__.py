"""Training of small models on drawn clips: recipes, data, the loop, and what each stage learns."""
