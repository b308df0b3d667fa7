"""The policy: facts in, one verdict out; the rules and contacts that it rests on."""
