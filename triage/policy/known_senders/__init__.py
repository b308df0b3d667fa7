"""The second look at known senders: what makes a message unlike them, what was usual before, and which checks hold."""
