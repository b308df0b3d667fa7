"""The quarantine as staff sees it: folders, who looks at what, one message opened, its history."""
