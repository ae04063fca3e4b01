PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := models/demo-de-en
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal
DATA := tests/data/tatoeba
TYPED := tests/data/typed
SHIPPED := de-en en-de

.PHONY: demo models test test-fast lint format bench bench-train bench-translate clean

# Learns German to English from the text in tests/data, translates a test set and scores it.
demo: $(READY)
	$(BIN)/mtcli train -m $(DEMO) --src $(DATA)/train.de --tgt $(DATA)/train.en --dev-src $(DATA)/dev.de --dev-tgt $(DATA)/dev.en --time 7m \
		--set training.batch_tokens=1024 --set tokenizer.vocab_size=4000 --set training.subword_sampling=0 --set training.learning_rate=0.0015 \
		--set data.licence="CC-BY 2.0 FR, tatoeba.org"
	$(BIN)/mtcli translate -m $(DEMO) $(DATA)/test.de -o $(DEMO)/test.hyp
	@echo "--- scores of the translations:"
	$(BIN)/mtcli score $(DATA)/test.en -i $(DEMO)/test.hyp
	@echo "--- scores of the German text itself, for comparison:"
	$(BIN)/mtcli score $(DATA)/test.en -i $(DATA)/test.de
	@echo "--- ten of them:"
	@paste -d '\n' $(DATA)/test.de $(DATA)/test.en $(DEMO)/test.hyp | head -30 | awk '{ print substr("src ref hyp ", (NR - 1) % 3 * 4 + 1, 4) $$0 } NR % 3 == 0 { print "" }'
	@echo "Next, a sentence of your own:  echo 'Guten Morgen!' | $(BIN)/mtcli translate -m $(DEMO)"

# Makes the packages in models/ again, from raw text in the folder TEXT (models/README.md says which), as build/shipped/*. That takes
# hours; after an interruption the same command goes on.
models: $(addprefix build/shipped/,$(SHIPPED))

build/shipped/%: src = $(word 1,$(subst -, ,$*))
build/shipped/%: tgt = $(word 2,$(subst -, ,$*))
build/shipped/%: corpus = $(if $(filter en,$(tgt)),$(src),$(tgt))-en
build/shipped/%: tatoeba = $(TEXT)/tatoeba/$(corpus)
build/shipped/%: $(READY)
	@test -d "$(tatoeba)" || { echo "make models TEXT=FOLDER: $(tatoeba) is missing, see models/README.md" >&2; exit 2; }
	$(BIN)/mtcli train -m build/models/$* --recipe models/$* --dev-src $(tatoeba)/dev.$(src).gz --dev-tgt $(tatoeba)/dev.$(tgt).gz \
		--src $(tatoeba)/train.$(src).gz --tgt $(tatoeba)/train.$(tgt).gz \
		--src $(TEXT)/tldr/$(corpus).$(src).gz --tgt $(TEXT)/tldr/$(corpus).$(tgt).gz \
		--set data.licence="CC-BY 2.0 FR, CC-BY 4.0" --set data.attribution="tatoeba.org by way of manythings.org/anki, tldr-pages"
	rm -rf $@
	$(BIN)/mtcli export -m build/models/$* --to package $@
	$(BIN)/mtcli models test $@ --name "Tatoeba, test" --src $(tatoeba)/test.$(src).gz --ref $(tatoeba)/test.$(tgt).gz
	$(BIN)/mtcli models test $@ --name "FLORES, dev" --src $(TEXT)/flores/dev.$(src).gz --ref $(TEXT)/flores/dev.$(tgt).gz
	news=$$(echo $(TEXT)/newstest/*.$(corpus).$(src).gz) && $(BIN)/mtcli models test $@ --name "$$(basename $$news .$(corpus).$(src).gz)" \
		--src $$news --ref $${news%$(src).gz}$(tgt).gz
	$(BIN)/mtcli models test $@ --name "200 lines as people type them" --src $(TYPED)/typed.$(src) --ref $(TYPED)/wanted.$(tgt)
	$(BIN)/mtcli models test $@ --name "the same lines, clean" --src $(TYPED)/clean.$(src) --ref $(TYPED)/clean.$(tgt)

test: lint
	$(PYTEST)

test-fast: $(READY)
	$(PYTEST) -m 'not slow'

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(READY)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(READY)
	$(BIN)/python benchmarks/bench.py

bench-train: $(READY)
	$(BIN)/python benchmarks/train.py $(if $(JOEYNMT),--joeynmt $(JOEYNMT))

bench-translate: $(READY)
	$(BIN)/python benchmarks/translate.py
	$(BIN)/python benchmarks/translate.py --rows

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis $(DEMO)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || { $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mtcli needs Python 3.11 or newer: make PYTHON=python3.12")' \
		&& $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
