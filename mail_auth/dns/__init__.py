"""What one message may ask DNS, who answers it, and lists of clients in DNS."""
