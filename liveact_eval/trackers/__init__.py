"""Finished runs in TensorBoard, Weights & Biases and MLflow: each through its own library, none of them required."""
