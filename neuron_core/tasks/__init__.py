"""Files of examples in, checked tasks out."""
