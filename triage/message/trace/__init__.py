"""Fields of ours on top of a message that goes on or is shown: written here, and removed where they were forged. Pure."""
