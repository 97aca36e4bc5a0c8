# screissue: reissued smart cards, for card issuers and service providers
#
#   make            build                      make deps     install missing Debian packages
#   make install    install                    make check    build, run every test, count them
#   make demo       the story, end to end      make demo-keep   the same, left running
#   make check-versions             the same with the servers of other Debian releases
#   make check-upgrade              pg_upgrade from the server here to those, and between them
#   make check-sanitizers           the same with AddressSanitizer in the server, there
#   make check-valgrind             types, cryptography and landing with valgrind under the server
#   make coverage                   which lines of src/ the tests run, at least 90 % and all error branches
#   make fuzz FUZZ_SECONDS=600      fuzz the parsers and the decryption, so long in all
#             FUZZ="card_id crypto"  (only these drivers of test/fuzz)
#             FUZZ=landing           (notices, under replication: test/t/003_landing_fuzz.pl)
#   make soak SOAK_SECONDS=300      does the memory of a backend stay flat, after how many calls
#   make check-all                  make check and all of these but fuzz; as root, two hours
#   make format     format the C files         make format-check   fail if that would change one

EXTENSION = screissue
EXTVERSION = $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" screissue.control)

MODULE_big = screissue
OBJS = \
	src/core/company_id.o \
	src/core/app_id.o \
	src/core/card_id.o \
	src/core/message_id.o \
	src/core/card_attribute.o \
	src/core/checkdigit.o \
	src/core/crypto.o \
	src/core/paper.o \
	src/core/cms.o \
	src/type_support.o \
	src/company_id.o \
	src/app_id.o \
	src/card_id.o \
	src/message_id.o \
	src/card_attribute.o \
	src/checkdigit.o \
	src/paper.o \
	src/caller.o \
	src/table.o \
	src/inbox.o \
	src/quarantine.o \
	src/notice.o \
	src/key.o \
	src/file.o \
	src/lookup.o \
	src/issuer_row.o \
	src/registry.o \
	src/draft_notice.o \
	src/inheritance.o \
	src/inquiry_record.o \
	src/suspicion.o \
	src/inquiry.o \
	src/screissue.o

# The install script, in this order.  A file named tables.sql or layout-N.sql
# becomes the body of the function SCHEMA.layout_N(), which setup() calls:
# tables are not members of the extension.
SQL_PARTS = \
	sql/header.sql \
	sql/company_id.sql \
	sql/app_id.sql \
	sql/card_id.sql \
	sql/message_id.sql \
	sql/card_attribute.sql \
	sql/checkdigit.sql \
	sql/paper.sql \
	sql/screissue/enums.sql \
	sql/screissue/caller.sql \
	sql/screissue/argument.sql \
	sql/screissue/digest.sql \
	sql/screissue/policy.sql \
	sql/screissue/platform.sql \
	sql/screissue/status_move.sql \
	sql/screissue/tables.sql \
	sql/screissue/setup.sql \
	sql/screissue/dblink.sql \
	sql/screissue/file.sql \
	sql/card_issuer/tables.sql \
	sql/card_issuer/layout-2.sql \
	sql/card_issuer/setup.sql \
	sql/card_issuer/caller.sql \
	sql/card_issuer/lookup.sql \
	sql/card_issuer/notice.sql \
	sql/card_issuer/digest.sql \
	sql/card_issuer/epoch.sql \
	sql/card_issuer/restore.sql \
	sql/card_issuer/provider.sql \
	sql/card_issuer/application.sql \
	sql/card_issuer/tariff.sql \
	sql/card_issuer/policy.sql \
	sql/card_issuer/examination.sql \
	sql/card_issuer/card.sql \
	sql/card_issuer/entitlement.sql \
	sql/card_issuer/key.sql \
	sql/card_issuer/inquiry.sql \
	sql/card_issuer/suspicion.sql \
	sql/card_issuer/load.sql \
	sql/card_issuer/opt_out.sql \
	sql/card_issuer/overlap.sql \
	sql/card_issuer/reissue.sql \
	sql/card_issuer/mass_reissue.sql \
	sql/card_issuer/reissue_batch.sql \
	sql/card_issuer/renewal.sql \
	sql/card_issuer/lineage.sql \
	sql/card_issuer/evidence.sql \
	sql/card_issuer/publication.sql \
	sql/card_issuer/delivery.sql \
	sql/card_issuer/paper.sql \
	sql/card_issuer/file.sql \
	sql/service_provider/tables.sql \
	sql/service_provider/setup.sql \
	sql/service_provider/issuer.sql \
	sql/service_provider/application.sql \
	sql/service_provider/tariff.sql \
	sql/service_provider/policy.sql \
	sql/service_provider/examination.sql \
	sql/service_provider/load.sql \
	sql/service_provider/notice.sql \
	sql/service_provider/quarantine.sql \
	sql/service_provider/digest.sql \
	sql/service_provider/reload.sql \
	sql/service_provider/reply.sql \
	sql/service_provider/confirmation.sql \
	sql/service_provider/evidence.sql \
	sql/service_provider/paper.sql \
	sql/service_provider/file.sql \
	sql/privileges.sql

SCRIPT = screissue--$(EXTVERSION).sql
DATA_built = $(SCRIPT) screissue--1.0--1.1.sql
# Released versions never change.  What changes after one of them goes into the parts
# and into the upgrade script from it.
DATA = sql/screissue--1.0.sql
SCRIPTS = bin/screissue_gateway
EXTRA_CLEAN = tmp_install check.out META.json

# Tests.  test/run lists the runners; the order here is the order they run in.
REGRESS = install company_id app_id card_id message_id card_attribute \
	checkdigit opclass binary_io errors setup rights drop
ISOLATION = double_permit double_withdraw withdraw_order double_inquiry double_reissue same_new_card same_reply reissue_vs_load \
	reissue_vs_unload reissue_vs_suspend reissue_vs_decision notice_order same_notice double_reload \
	reissue_vs_transfer reissue_vs_opt_out resume_vs_opt_out overlap_vs_block stale_snapshot secret_card \
	register_vs_suspend inquiry_vs_suspend begin_epoch decide_twice
export REGRESS ISOLATION

PG_CPPFLAGS = -I$(srcdir)/src -I$(srcdir)/src/core
SHLIB_LINK = -lcrypto
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Wmissing-prototypes -Wno-unused-parameter \
	-Wno-declaration-after-statement -Werror $(EXTRA_CFLAGS)

# The library with AddressSanitizer and UndefinedBehaviorSanitizer, in the real
# server (test/stage preloads what that needs).  Hangs where the server's LDAP
# library comes with p11-kit, as on Debian 12: `make check-sanitizers`.
ifdef SANITIZE
PG_CFLAGS += -O1 -Wno-clobbered -fno-omit-frame-pointer -fno-sanitize-recover=undefined -fsanitize=address,undefined
SHLIB_LINK += -fsanitize=address,undefined
endif

PG_CONFIG ?= pg_config
PGXS := $(wildcard $(shell $(PG_CONFIG) --pgxs 2>/dev/null))

ifeq ($(PGXS),)

# No server headers yet: install them, then start again.
all install check check-build demo demo-keep:
	@PG_CONFIG=$(PG_CONFIG) test/deps
	@test -n "$$(ls $$($(PG_CONFIG) --pgxs) 2>/dev/null)" || { \
	  echo "$(PG_CONFIG) does not know PGXS: set PG_CONFIG" >&2; exit 1; }
	@$(MAKE) --no-print-directory $@

else

override with_llvm = no
include $(PGXS)
$(shell mkdir -p $(sort $(dir $(OBJS))))

# Nobody outside the library calls these; names in a backend are for all.
$(filter src/core/%,$(OBJS)): override CFLAGS += -fvisibility=hidden

# From 18 on the library tells its version.
src/screissue.o: override CPPFLAGS += -DSCREISSUE_VERSION='"$(EXTVERSION)"'
src/screissue.o: screissue.control

HEADERS_ALL := $(wildcard $(srcdir)/src/*.h $(srcdir)/src/core/*.h)
$(OBJS): $(HEADERS_ALL)
screissue$(DLSUFFIX): Makefile

$(SCRIPT): $(SQL_PARTS) sql/assemble Makefile screissue.control
	$(srcdir)/sql/assemble $(addprefix $(srcdir)/,$(SQL_PARTS)) > $@.tmp && mv $@.tmp $@
screissue--1.0--1.1.sql: sql/1.0--1.1.sql $(SQL_PARTS) sql/assemble sql/assemble-upgrade
	$(srcdir)/sql/assemble-upgrade $< > $@.tmp && mv $@.tmp $@

# PGXS has its own recipe for check, which only says that it cannot.
check: private SHELL := /bin/true
check: check-build
check-build:
	@PG_CONFIG=$(PG_CONFIG) test/deps
	@$(MAKE) -s --no-print-directory all
	@PG_CONFIG=$(PG_CONFIG) MAKE="$(MAKE)" SANITIZE=$(SANITIZE) test/stage test/run $(SUITES)

demo demo-keep: demo%:
	@PG_CONFIG=$(PG_CONFIG) test/deps
	@$(MAKE) -s --no-print-directory all
	@PG_CONFIG=$(PG_CONFIG) MAKE="$(MAKE)" test/stage demo/run $(if $(filter -keep,$*),--keep)

endif

check-all:
	@for target in check check-versions check-upgrade check-sanitizers check-valgrind coverage soak; do \
	  echo "$$target:"; $(MAKE) --no-print-directory $$target || status=1; \
	done; exit $${status:-0}

check-versions:
	@SUITES="$(SUITES)" test/versions $(VERSIONS)

check-upgrade:
	@PG_CONFIG=$(PG_CONFIG) test/upgrade/run $(VERSIONS)

check-sanitizers:
	@SANITIZE=1 SUITES="$(or $(SUITES),regress isolation pgtap tap)" test/versions $(or $(VERSIONS),trixie:17)

check-valgrind:
	@PG_CONFIG=$(PG_CONFIG) test/deps
	@$(MAKE) -s --no-print-directory all
	@PG_CONFIG=$(PG_CONFIG) MAKE="$(MAKE)" test/stage test/valgrind/run $(TESTS)

coverage:
	@PG_CONFIG=$(PG_CONFIG) SUITES="$(SUITES)" test/coverage

deps:
	@PG_CONFIG=$(PG_CONFIG) test/deps

ifeq ($(FUZZ),landing)
fuzz:
	@SCREISSUE_FUZZ_SECONDS=$(or $(FUZZ_SECONDS),60) TAP=003_landing_fuzz $(MAKE) --no-print-directory check SUITES=tap
	@grep -h '^# .* notices$$' check.out/tap.log
else
fuzz:
	@PG_CONFIG=$(PG_CONFIG) test/deps || :
	@FUZZ_SECONDS=$(FUZZ_SECONDS) test/fuzz/run $(FUZZ)
endif

# Ten minutes, half of them for calls that write.
soak:
	@PG_CONFIG=$(PG_CONFIG) test/deps
	@PG_CONFIG=$(PG_CONFIG) SOAK_SECONDS=$(or $(SOAK_SECONDS),300) test/soak/run

C_FILES = $(wildcard src/*.[ch] src/core/*.[ch] test/fuzz/*.[ch] test/vectors/*.c bench/limit/*.c)
format:
	clang-format-14 -i $(C_FILES)
format-check:
	@clang-format-14 --dry-run --Werror $(C_FILES)

# A source archive with META.json in it, for PGXN.
META.json: META.json.in screissue.control
	sed 's/@VERSION@/$(EXTVERSION)/g' $< > $@
dist: META.json
	git archive --format=zip --prefix=screissue-$(EXTVERSION)/ \
	  --add-file=META.json -o screissue-$(EXTVERSION).zip HEAD

.PHONY: check-all check-versions check-upgrade check-sanitizers check-valgrind coverage deps fuzz soak \
	format format-check check-build demo demo-keep dist
