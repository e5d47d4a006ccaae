"""Each registry's content, by the distribution protocol, to whom the agent lets in."""
