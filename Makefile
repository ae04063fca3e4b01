PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO := models/demo-de-en
PYTEST := $(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist worksteal
DATA := tests/data/tatoeba
TYPED := tests/data/typed
SHIPPED := de-en en-de fr-en es-en en-es+fr

unexport PYTHONDONTWRITEBYTECODE  # where it is set, each of a thousand processes would compile mtcli and the tests anew

.PHONY: demo models test test-fast lint format bench bench-train bench-translate clean

# Learns German to English from the text in tests/data, translates a test set and scores it.
demo: $(READY)
	$(BIN)/mtcli train -m $(DEMO) --src $(DATA)/train.de --tgt $(DATA)/train.en --dev-src $(DATA)/dev.de --dev-tgt $(DATA)/dev.en --time 7m \
		--set training.batch_tokens=2048 --set tokenizer.vocab_size=4000 --set training.subword_sampling=0 \
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
# a day; after an interruption the same command goes on. Each learns from words that are cut anew in each epoch, then, with the settings in
# its model.toml, from the likeliest pieces alone, in which names and numbers are copied. What is shipped has come in more and smaller steps:
# docs/experiments.md tells of them.
models: $(addprefix build/shipped/,$(SHIPPED))

STEPS := 30000
NEWS_de-en := newstest2014
NEWS_fr-en := newstest2014
NEWS_es-en := newstest2013
SUFFIX_fr-en := -fr-es
SUFFIX_es-en := -fr-es
CREDITS := --set data.licence="CC-BY 2.0 FR, CC-BY 4.0" --set data.attribution="tatoeba.org by way of manythings.org/anki, tldr-pages"
# $(call pairs,SOURCE,TARGET,CORPUS)
pairs = --dev-src $(TEXT)/tatoeba/$(3)/dev.$(1).gz --dev-tgt $(TEXT)/tatoeba/$(3)/dev.$(2).gz --dev-src models/text/dev.$(1) --dev-tgt models/text/dev.$(2) \
	--src $(TEXT)/tatoeba/$(3)/train.$(1).gz --tgt $(TEXT)/tatoeba/$(3)/train.$(2).gz --src $(TEXT)/tldr/$(3).$(1).gz --tgt $(TEXT)/tldr/$(3).$(2).gz \
	--src models/text/phrases.$(1) --tgt models/text/phrases.$(2) --src models/text/written.$(1).gz --tgt models/text/written.$(2).gz \
	--src models/text/translated$(SUFFIX_$(3)).$(1).gz --tgt models/text/translated$(SUFFIX_$(3)).$(2).gz --weight 1 --weight 1 --weight 30 --weight 4 --weight 2
PAIRS_de-en = $(call pairs,de,en,de-en)
PAIRS_en-de = $(call pairs,en,de,de-en)
PAIRS_fr-en = $(call pairs,fr,en,fr-en)
PAIRS_es-en = $(call pairs,es,en,es-en)
PAIRS_en-es+fr = $(call pairs,en,fr,fr-en) $(call pairs,en,es,es-en)

.PRECIOUS: build/models/%-first.done build/models/%.done
build/models/%-first.done: $(READY)
	@test -d "$(TEXT)/tatoeba" || { echo "make models TEXT=FOLDER: $(TEXT)/tatoeba is missing, see models/README.md" >&2; exit 2; }
	$(BIN)/mtcli train -m build/models/$*-first --recipe models/$* --steps $(STEPS) --set training.learning_rate=0.002 --set training.warmup_steps=1000 \
		--set training.subword_sampling=0.5 --set training.validations=15 --set training.average_decay=0.995 $(PAIRS_$*) $(CREDITS)
	touch $@

build/models/%.done: build/models/%-first.done
	$(BIN)/mtcli train -m build/models/$* --from build/models/$*-first --recipe models/$* $(PAIRS_$*) $(CREDITS)
	touch $@

# $(call tested,SOURCE,TARGET,CORPUS,NAME): scores of a package on test sets, whose names end with that of the target where it has several
define tested
$(BIN)/mtcli models test $@ --to $(2) --name "Tatoeba, test$(4)" --src $(TEXT)/tatoeba/$(3)/test.$(1).gz --ref $(TEXT)/tatoeba/$(3)/test.$(2).gz
$(BIN)/mtcli models test $@ --to $(2) --name "FLORES, dev$(4)" --src $(TEXT)/flores/dev.$(1).gz --ref $(TEXT)/flores/dev.$(2).gz
$(BIN)/mtcli models test $@ --to $(2) --name "$(NEWS_$(3))$(4)" --src $(TEXT)/newstest/$(NEWS_$(3)).$(3).$(1).gz --ref $(TEXT)/newstest/$(NEWS_$(3)).$(3).$(2).gz
$(BIN)/mtcli models test $@ --to $(2) --name "200 lines as people type them$(4)" --src $(TYPED)/typed.$(1) --ref $(TYPED)/wanted.$(2)
$(BIN)/mtcli models test $@ --to $(2) --name "the same lines, clean$(4)" --src $(TYPED)/clean.$(1) --ref $(TYPED)/clean.$(2)
endef

build/shipped/%: build/models/%.done
	rm -rf $@
	$(BIN)/mtcli export -m build/models/$* --to package $@
	$(if $(findstring +,$*),$(call tested,en,fr,fr-en, (fr)),$(call tested,$(word 1,$(subst -, ,$*)),$(word 2,$(subst -, ,$*)),$(filter-out en,$(subst -, ,$*))-en))
	$(if $(findstring +,$*),$(call tested,en,es,es-en, (es)))

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
	@test -d $(DEMO) || { echo "make demo first: it trains the model that is measured" >&2; exit 2; }
	$(BIN)/python benchmarks/translate.py $(if $(JOEYNMT),--joeynmt $(JOEYNMT))
	$(BIN)/python benchmarks/translate.py --rows

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .hypothesis $(DEMO)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): pyproject.toml constraints.txt
	test -x $(BIN)/python || { $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "mtcli needs Python 3.11 or newer: make PYTHON=python3.12")' \
		&& $(PYTHON) -m venv $(VENV); }
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@
