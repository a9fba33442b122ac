"""From published sessions to what a model is trained on and judged by."""
