"""What each stage of training learns: a loss of one batch, and how good the result is."""
