"""Allow, block, hold and redirect rules: made, checked, matched, imported."""
