# The reference's way to log and score, and ours; see benchmarks/scoring.

bench-scoring: install $(LOCAL)/venv-lambda/.installed $(LOCAL)/venv-reference/.installed ## our scoring against genai.evaluate; writes docs/scoring-benchmark.md: ROUNDS=3 RECORDS=100
	@$(BIN)/python -m benchmarks.scoring

$(LOCAL)/venv-reference/.installed: benchmarks/scoring/requirements.txt | $(VENV)/.installed

.PHONY: bench-scoring
