"""Attribution scores and the choice of good and bad neurons."""
