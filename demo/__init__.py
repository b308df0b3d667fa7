"""The demo company: invented people, a believable morning of mail, and everything it needs to run on one machine."""
