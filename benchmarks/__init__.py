"""What the figures in docs/figures.md come from; `make bench` runs them."""
