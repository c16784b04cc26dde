"""Interventions, evaluation, metrics."""
