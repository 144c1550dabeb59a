# Mutation tests of the modules whose mistakes would be silent; see benchmarks/mutation.

mutation: install ## which changes of families, identity, ledger and claims no test notices; MODULES="identity families.openai" JOBS=2, SURVIVORS=1
	@$(BIN)/python -m benchmarks.mutation $(if $(JOBS),--jobs $(JOBS)) $(if $(SURVIVORS),--survivors) $(MODULES)

.PHONY: mutation
