# The commands of this project. `make run` and `make test` work on a fresh machine.
.PHONY: run test lint bench soak help

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 8

run: ## serve demo pictures, or make run DIR=~/Pictures
	@scripts/run '$(DIR)'

test: ## everything: lints, tests, pictures beside sharp and Pillow, the binary over HTTP, fuzzing
	@scripts/test

lint: ## formatting, clippy, and licences where cargo-deny is installed
	@scripts/need cargo cmake nasm g++
	@scripts/lint

bench: ## measure on real photos and under load; writes bench/RESULTS.md and bench/SERVING.md
	@scripts/bench

soak: ## hostile input, crash storms, a large index and the fuzzers, for an hour and a half
	@scripts/soak
