"""Results as text and HTML, and comparisons of two runs."""
