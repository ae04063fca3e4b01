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
# hours; after an interruption the same command goes on. Each learns from words that are cut anew in each epoch, and at last, with the settings
# in its model.toml, from the likeliest pieces alone, in which names and numbers are copied. English to German goes on once between them, the learning
# rate going up again; so does German to English, then and once more also from English sentences of Tatoeba that no German is there for, translated
# back by the model of the other direction. All go on twice with the likeliest pieces. What is shipped made some of these steps in several runs, some of
# them without models/text, and by AdamW alone but for the last of German.
models: $(addprefix build/shipped/,$(SHIPPED))

TATOEBA = $(TEXT)/tatoeba/de-en
BACK := build/back-translated
NEWS_de-en := newstest2014
NEWS_fr-en := newstest2014
NEWS_es-en := newstest2013
SUFFIX_fr-en := -fr-es
SUFFIX_es-en := -fr-es
SECOND_fr := 3459
SECOND_es := 2334
SAMPLED := --set training.subword_sampling=0.5 --set training.warmup_steps=1000 --set training.validations=15
FIRST := $(SAMPLED) --set training.learning_rate=0.0015 --set training.average_decay=0.995
GOING_ON := $(SAMPLED) --set training.learning_rate=0.001
CREDITS := --set data.licence="CC-BY 2.0 FR, CC-BY 4.0" --set data.attribution="tatoeba.org by way of manythings.org/anki, tldr-pages"
# $(call pairs,SOURCE,TARGET,CORPUS)
pairs = --dev-src $(TEXT)/tatoeba/$(3)/dev.$(1).gz --dev-tgt $(TEXT)/tatoeba/$(3)/dev.$(2).gz \
	--src $(TEXT)/tatoeba/$(3)/train.$(1).gz --tgt $(TEXT)/tatoeba/$(3)/train.$(2).gz --src $(TEXT)/tldr/$(3).$(1).gz --tgt $(TEXT)/tldr/$(3).$(2).gz \
	--src models/text/phrases.$(1) --tgt models/text/phrases.$(2) --src models/text/written.$(1).gz --tgt models/text/written.$(2).gz \
	--src models/text/dictionary.$(1).gz --tgt models/text/dictionary.$(2).gz \
	--src models/text/translated$(SUFFIX_$(3)).$(1).gz --tgt models/text/translated$(SUFFIX_$(3)).$(2).gz \
	--weight 1 --weight 1 --weight 30 --weight 3 --weight 3 --weight 2

build/models/en-de-first.done: $(READY)
	@test -d "$(TATOEBA)" || { echo "make models TEXT=FOLDER: $(TATOEBA) is missing, see models/README.md" >&2; exit 2; }
	$(BIN)/mtcli train -m build/models/en-de-first --recipe models/en-de --steps 12500 $(FIRST) $(call pairs,en,de,de-en) $(CREDITS)
	touch $@

build/models/en-de-second.done: build/models/en-de-first.done
	$(BIN)/mtcli train -m build/models/en-de-second --from build/models/en-de-first --recipe models/en-de --steps 4688 $(GOING_ON) $(call pairs,en,de,de-en) $(CREDITS)
	touch $@

build/models/en-de-third.done: build/models/en-de-second.done
	$(BIN)/mtcli train -m build/models/en-de-third --from build/models/en-de-second --recipe models/en-de --steps 7880 --set training.learning_rate=0.001 $(call pairs,en,de,de-en) $(CREDITS)
	touch $@

build/models/en-de.done: build/models/en-de-third.done
	$(BIN)/mtcli train -m build/models/en-de --from build/models/en-de-third --recipe models/en-de $(call pairs,en,de,de-en) $(CREDITS)
	touch $@

build/models/de-en-first.done: build/models/en-de.done
	$(BIN)/mtcli train -m build/models/de-en-first --recipe models/en-de --steps 8636 $(FIRST) $(call pairs,de,en,de-en) $(CREDITS)
	touch $@

$(BACK).de: build/models/en-de.done
	gzip -dc $(TEXT)/tatoeba/fr-en/train.en.gz $(TEXT)/tatoeba/es-en/train.en.gz | LC_ALL=C sort -u > $(BACK).all
	gzip -dc $(TATOEBA)/train.en.gz $(TATOEBA)/dev.en.gz $(TATOEBA)/test.en.gz models/text/translated.en.gz | LC_ALL=C sort -u | LC_ALL=C comm -23 $(BACK).all - > $(BACK).en
	$(BIN)/mtcli translate -m build/models/en-de --beam-size 3 $(BACK).en -o $@ --resume

build/models/de-en-second.done: build/models/de-en-first.done $(BACK).de
	$(BIN)/mtcli train -m build/models/de-en-second --from build/models/de-en-first --recipe models/en-de --steps 19285 $(GOING_ON) --set training.average_decay=0.995 $(call pairs,de,en,de-en) --src $(BACK).de --tgt $(BACK).en --weight 1 $(CREDITS)
	touch $@

build/models/de-en-third.done: build/models/de-en-second.done
	$(BIN)/mtcli train -m build/models/de-en-third --from build/models/de-en-second --recipe models/de-en --steps 7560 --set training.learning_rate=0.001 $(call pairs,de,en,de-en) --src $(BACK).de --tgt $(BACK).en --weight 1 $(CREDITS)
	touch $@

build/models/de-en.done: build/models/de-en-third.done
	$(BIN)/mtcli train -m build/models/de-en --from build/models/de-en-third --recipe models/de-en $(call pairs,de,en,de-en) $(CREDITS)
	touch $@

.PRECIOUS: build/models/%-en-first.done build/models/%-en-second.done build/models/%-en.done
build/models/%-en-first.done: $(READY)
	$(BIN)/mtcli train -m build/models/$*-en-first --recipe models/$*-en --steps 8300 $(FIRST) $(call pairs,$*,en,$*-en) $(CREDITS)
	touch $@

build/models/%-en-second.done: build/models/%-en-first.done
	$(BIN)/mtcli train -m build/models/$*-en-second --from build/models/$*-en-first --recipe models/$*-en --steps $(SECOND_$*) --set training.learning_rate=0.0007 $(call pairs,$*,en,$*-en) $(CREDITS)
	touch $@

build/models/%-en.done: build/models/%-en-second.done
	$(BIN)/mtcli train -m build/models/$*-en --from build/models/$*-en-second --recipe models/$*-en $(call pairs,$*,en,$*-en) $(CREDITS)
	touch $@

build/models/en-es+fr-first.done: $(READY)
	$(BIN)/mtcli train -m build/models/en-es+fr-first --recipe models/en-es+fr --steps 14082 $(FIRST) $(call pairs,en,fr,fr-en) $(call pairs,en,es,es-en) $(CREDITS)
	touch $@

build/models/en-es+fr-second.done: build/models/en-es+fr-first.done
	$(BIN)/mtcli train -m build/models/en-es+fr-second --from build/models/en-es+fr-first --recipe models/en-es+fr --steps 3186 --set training.learning_rate=0.0006 $(call pairs,en,fr,fr-en) $(call pairs,en,es,es-en) $(CREDITS)
	touch $@

build/models/en-es+fr.done: build/models/en-es+fr-second.done
	$(BIN)/mtcli train -m build/models/en-es+fr --from build/models/en-es+fr-second --recipe models/en-es+fr $(call pairs,en,fr,fr-en) $(call pairs,en,es,es-en) $(CREDITS)
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
