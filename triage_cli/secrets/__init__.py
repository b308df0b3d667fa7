"""`mailroom secrets`: the files in /etc/mailroom/secrets, encrypted by systemd-creds (decision 117), and their rotation."""
