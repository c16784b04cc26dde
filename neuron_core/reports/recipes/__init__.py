"""What a page shows, as commands and Python to copy."""
