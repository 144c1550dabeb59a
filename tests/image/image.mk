# The function's image, without a Docker engine; see docs/decisions/0006-image-without-docker.md.

image: install podman ## build the Lambda image and its SBOM into .local/image; print size and init time
	@$(BIN)/python -m tests.image build

audit: install ## known vulnerabilities of what the Lambda image installs
	@$(BIN)/python -m tests.image audit

test-image: install podman emulator ## the Lambda image, run as Lambda runs it
	$(PYTEST) -rs tests/image

podman: ## what builds and runs the image, where this machine's packages have it
	@command -v podman >/dev/null && command -v runc >/dev/null && command -v mmdebstrap >/dev/null \
	  || ! command -v apt-get >/dev/null || [ $$(id -u) != 0 ] \
	  || (apt-get update -qq && apt-get install -y -qq --no-install-recommends podman runc mmdebstrap >/dev/null)

.PHONY: image audit test-image podman
