"""Tools of the benchmarks: contenders in alternating rounds, processor time, loads, printed tables."""
