"""The units and scripts of deploy/, run for real."""
