"""The platforms, faked faithfully, with faults on demand."""
