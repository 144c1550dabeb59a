# Every judge model in every way of asking; see benchmarks/judges.

judges: install ## whether all models that can judge give verdicts, and the refusals it takes to find out how
	@$(BIN)/python -m benchmarks.judges

.PHONY: judges
