"""The tests, cheapest suite first: unit, infra, integration, e2e, browser."""
