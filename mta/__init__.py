"""The SMTP door: mail comes in, is judged, and goes on."""
