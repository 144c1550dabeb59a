"""The whole chain on one machine, without AWS; see `local.demo` and `local.chain`."""
