"""Attribution scores, and the selection of good and bad neurons."""
