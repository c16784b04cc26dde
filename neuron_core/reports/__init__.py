"""Results as text, as HTML, beside each other."""
