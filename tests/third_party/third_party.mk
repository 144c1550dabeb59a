# MLflow's third-party scorers with the real packages; see docs/decisions/0011-third-party-scorers.md.

THIRD_PARTY_VENVS := $(patsubst %,$(LOCAL)/venv-%/.installed,deepeval ragas phoenix)

test-third-party: install $(THIRD_PARTY_VENVS) ## scorers of DeepEval, Ragas and Phoenix (1.2 GB of packages in .local)
	$(PYTEST) -rs tests/third_party

$(THIRD_PARTY_VENVS): $(LOCAL)/venv-%/.installed: $(LOCAL)/third-party/%.txt

# What `make lock` gives a user who includes the group.
$(LOCAL)/third-party/%.txt: pyproject.toml lambda_src/requirements.txt | $(VENV)/.installed
	@mkdir -p $(@D) && cp lambda_src/requirements.txt $@
	$(COMPILE) --group pyproject.toml:lambda --group pyproject.toml:$* -o $@ || (rm $@ && false)

.PRECIOUS: $(LOCAL)/third-party/%.txt
.PHONY: test-third-party
