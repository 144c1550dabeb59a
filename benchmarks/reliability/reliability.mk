# Faults on the deployed local stack; see benchmarks/reliability.

OLDER_MLFLOW := 3.10.1 3.4.0

reliability: install emulator postgres $(OLDER_MLFLOW:%=$(LOCAL)/venv-mlflow-%/.installed) ## every fault, made to happen; writes docs/reliability.md
	$(BIN)/python -m benchmarks.reliability

postgres: ## Debian's Postgres, where this machine's packages have it
	@ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 || ! command -v apt-get >/dev/null || [ $$(id -u) != 0 ] \
	  || (apt-get update -qq && apt-get install -y -qq postgresql >/dev/null)

$(LOCAL)/venv-mlflow-%/.installed: | $(VENV)/.installed
	$(UV) venv --quiet --allow-existing --python $(BIN)/python $(@D)
	$(UV) pip install --quiet --python $(@D)/bin/python mlflow==$* 'sqlalchemy<2.1' psycopg2-binary
	@touch $@

.PHONY: reliability postgres
