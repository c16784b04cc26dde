"""Where neurons sit and what they share."""
