"""Results as JSON, text and HTML, and comparisons of two runs."""
