"""Interventions on neurons, their evaluation, and the metrics."""
