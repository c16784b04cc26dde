"""Tables from rankings and evaluations: layers, common and specific neurons, effects, the paper's tables."""
