"""The worker process, the handle on it, and background jobs."""
