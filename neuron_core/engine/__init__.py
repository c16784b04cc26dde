"""One loaded model, and a run carried out with it."""
