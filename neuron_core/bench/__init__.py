"""Speed, measured: attribution and evaluation against the slow procedure, against Captum and against a floor."""
