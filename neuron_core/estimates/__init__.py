"""What a run costs, by arithmetic and from finished runs."""
