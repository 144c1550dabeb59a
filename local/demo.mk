# The whole chain without AWS; see local/demo.py.

DEMO_STARTED := $(shell date +%s)
LOCAL := .local

demo: install emulator ## capture files to scored traces on this machine: CAPTURES="…" JUDGE=bedrock ONCE=1
	@DEMO_STARTED=$(DEMO_STARTED) $(BIN)/python -m local.demo

emulator: $(LOCAL)/venv-emulator/.installed $(LOCAL)/venv-lambda/.installed ## what the local chain needs besides

$(LOCAL)/venv-emulator/.installed: local/requirements.txt | $(VENV)/.installed
$(LOCAL)/venv-lambda/.installed: local/requirements-lambda.txt | $(VENV)/.installed
$(LOCAL)/venv-%/.installed:
	$(UV) venv --quiet --allow-existing --python $(BIN)/python $(@D)
	$(UV) pip sync --quiet --compile-bytecode --python $(@D)/bin/python $(filter %.txt,$^)
	@touch $@

.PHONY: demo emulator
