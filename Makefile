# The front door. Needs GNU make, a C compiler and Rust; perl where OpenSSL's
# headers are missing.
#
#     make            build the library (release)
#     make demo       show every kind of close on real connections
#     make test       run every test; installs the tools they need
#     make check      what a change has to pass: format, lints, tests
#     make valgrind   every C test under valgrind; the better part of an hour
#     make fuzz       the fuzz targets, TIME=60 seconds each
#     make sanitize   library and C tests under AddressSanitizer, ThreadSanitizer, shuttle
#     make soak       200 sockets among faults for MINUTES=10
#     make abi        record the ABI that tests/abidiff.rs holds the header against
#     make conformance   the Autobahn TestSuite; CASES="7.* 9.1.1", WAY=callbacks
#     make bench         measure wskt beside its peers; BENCH="--only pingpong --rounds 3"
#     make scale         10,000 sockets on one thread, ten minutes; MINUTES=1
#     make browsers      record anew what Chromium and Firefox do
#     make install    PREFIX=/usr/local DESTDIR= LIBDIR= INCLUDEDIR= MANDIR=
#     make uninstall  (the same variables)
#     make deb        Debian packages into DEBS=target/deb; needs dpkg-dev
#     make manual     man pages and the HTML reference into target/manual
#     make clean
#
# CARGO_TARGET_DIR is honoured; "make -n install" shows what would be done.

CARGO ?= cargo
PKG_CONFIG ?= pkg-config
INSTALL ?= install
CFLAGS ?= -O2

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
MANDIR ?= $(PREFIX)/share/man

VERSION := $(shell sed -n 's/^version *= *"\(.*\)"/\1/p' Cargo.toml | head -n 1)
MAJOR := $(word 1,$(subst ., ,$(VERSION)))
MINOR := $(word 2,$(subst ., ,$(VERSION)))
# The same rule as in build.rs: while it is 0.x, the minor version counts.
SONAME := libwskt.so.$(if $(filter 0,$(MAJOR)),0.$(MINOR),$(MAJOR))

TARGET := $(or $(CARGO_TARGET_DIR),target)
BUILD := $(TARGET)/release
LIBRARY := $(BUILD)/libwskt.so

# Where OpenSSL comes from: OPENSSL_DIR, pkg-config, or source code that is
# built and linked in ("vendored"). FEATURES= on the command line overrides.
ifneq ($(strip $(OPENSSL_DIR)),)
FEATURES ?=
STATIC_LIBS := -L$(OPENSSL_DIR)/lib -lssl -lcrypto
else ifeq ($(shell $(PKG_CONFIG) --exists openssl 2>/dev/null && echo found),found)
FEATURES ?=
STATIC_REQUIRES := openssl
else
FEATURES ?= --features vendored
endif
ifneq ($(findstring vendored,$(FEATURES)),)
STATIC_LIBS :=
STATIC_REQUIRES :=
endif
# The same for CMake, which does not ask pkg-config.
STATIC_LINK := $(if $(STATIC_REQUIRES),-lssl -lcrypto) $(STATIC_LIBS)

all:
	$(CARGO) build --release --lib $(FEATURES)
	@ln -sf libwskt.so $(BUILD)/$(SONAME)

# For "make install" after "make": nothing is built unless a source is newer.
$(LIBRARY): Cargo.toml build.rs cbindgen.toml $(shell find src -name '*.rs')
	$(CARGO) build --release --lib $(FEATURES)
	@ln -sf libwskt.so $(BUILD)/$(SONAME)
	@touch $@

demo:
	$(CARGO) build --release --lib --example wskt-server $(FEATURES)
	@ln -sf libwskt.so $(BUILD)/$(SONAME)
	@mkdir -p $(TARGET)/demo
	$(CC) -std=c99 -Wall -Wextra -Wpedantic -Werror $(CFLAGS) -Iinclude \
	    examples-c/close_event.c -o $(TARGET)/demo/close_event \
	    -L$(BUILD) -lwskt -Wl,-rpath,$(abspath $(BUILD))
	@echo
	@examples-c/demo.sh $(BUILD)/examples/wskt-server $(TARGET)/demo/close_event

# A second make looks again for what the first step may have installed.
test:
	tests/setup.sh
	tests/bindings/setup.sh
	tests/packaging/setup.sh
	@$(MAKE) --no-print-directory tests-only

tests-only:
	@mkdir -p $(TARGET)/debug/deps
	@ln -sf libwskt.so $(TARGET)/debug/$(SONAME)
	@ln -sf libwskt.so $(TARGET)/debug/deps/$(SONAME)
	$(CARGO) test --no-fail-fast $(FEATURES)
	fuzz/run.sh 4
	shuttle/run.sh 200

check:
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets $(FEATURES) -- -D warnings
	@$(MAKE) --no-print-directory test

valgrind:
	WSKT_SLOW=1 WSKT_RUN="valgrind --error-exitcode=99 --leak-check=full \
	    --errors-for-leak-kinds=definite,possible --fair-sched=yes -q \
	    --suppressions=$(CURDIR)/tests/c/valgrind.supp" \
	    $(CARGO) test --no-fail-fast $(FEATURES) --test c_api

fuzz:
	fuzz/run.sh $(or $(TIME),60)

sanitize:
	tests/sanitize.sh

# When this is right: docs/ABI.md.
abi:
	WSKT_ABI=record $(CARGO) test $(FEATURES) --test abidiff

# Installs the suite into build/autobahn. All 517 cases take half an hour, most of it
# for 12 and 13, compression.
conformance: all
	LIB=$(BUILD) CASES="$(CASES)" WAY="$(WAY)" tests/autobahn/run.sh

# Installs the peers. All of it takes half an hour; benches/README.md has the
# options.
bench: all
	benches/setup.sh
	benches/run.py --out build/bench/tables.md $(BENCH)

MINUTES ?= 10
SOCKETS ?= 200
# Twice that long at most: what a black hole has swallowed is waited for.
soak:
	$(CARGO) build --examples $(FEATURES)
	WSKT_SOAK_SECONDS=$$(($(MINUTES) * 60)) WSKT_SOAK_SOCKETS=$(SOCKETS) \
	    WSKT_SERVER_SECONDS=$$(($(MINUTES) * 120 + 600)) \
	    $(CARGO) test $(FEATURES) --test soak -- --nocapture

# Fails if a message is lost or memory grows.
scale: all
	benches/setup.sh
	benches/scale.py $(MINUTES)

# Installs the browsers where they are missing. Takes a quarter of an hour: each
# browser runs twice, and some scenarios wait for its own timeouts.
browsers:
	$(CARGO) build --example wskt-server $(FEATURES)
	python3 tests/browsers/record.py --install --server $(TARGET)/debug/examples/wskt-server

# A directory as it is written in a .pc file.
in_prefix = $(patsubst $(PREFIX)/%,$${prefix}/%,$(1))

define package
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(call in_prefix,$(LIBDIR))|' \
	    -e 's|@INCLUDEDIR@|$(call in_prefix,$(INCLUDEDIR))|' -e 's|@VERSION@|$(VERSION)|' \
	    -e 's|@STATIC_REQUIRES@|$(STATIC_REQUIRES)|' -e 's|@STATIC_LIBS@|$(STATIC_LIBS)|' \
	    -e 's| *$$||' $(1).pc.in >$(TARGET)/$(1).pc
	$(INSTALL) -m 644 $(TARGET)/$(1).pc "$(DESTDIR)$(LIBDIR)/pkgconfig/$(1).pc"
endef

CMAKE_FILES = wskt-config.cmake wskt-config-version.cmake
define cmake_file
	@sed -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' -e 's|@SONAME@|$(SONAME)|' \
	    -e 's|@STATIC_LINK@|$(strip $(STATIC_LINK))|' \
	    packaging/cmake/$(1).in >$(TARGET)/$(1)
	$(INSTALL) -m 644 $(TARGET)/$(1) "$(DESTDIR)$(LIBDIR)/cmake/wskt/$(1)"

endef

# The man pages are made from the header's comments. Without python3 all else is
# installed.
PYTHON ?= python3
MAN := $(TARGET)/manual/man3

$(MAN)/wskt.3: include/wskt.h CHANGELOG.md $(wildcard docs/manual/*)
	@rm -rf $(@D) && mkdir -p $(@D)
	@if $(PYTHON) --version >/dev/null 2>&1; then docs/manual/make.py man $(@D); \
	else echo "no python3: there will be no man pages"; fi

manual: $(MAN)/wskt.3
	docs/manual/make.py html $(TARGET)/manual/reference.html
	@echo "$(TARGET)/manual/reference.html and $(MAN)"

install: $(LIBRARY) $(MAN)/wskt.3
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(LIBDIR)/cmake/wskt" \
	    "$(DESTDIR)$(INCLUDEDIR)" "$(DESTDIR)$(MANDIR)/man3"
	$(INSTALL) -m 755 $(LIBRARY) "$(DESTDIR)$(LIBDIR)/libwskt.so.$(VERSION)"
	ln -sf libwskt.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/$(SONAME)"
	ln -sf $(SONAME) "$(DESTDIR)$(LIBDIR)/libwskt.so"
	$(INSTALL) -m 644 $(BUILD)/libwskt.a "$(DESTDIR)$(LIBDIR)/libwskt.a"
	$(INSTALL) -m 644 include/wskt.h include/wskt.hpp "$(DESTDIR)$(INCLUDEDIR)"
	$(call package,wskt)
	$(call package,wskt-static)
	$(foreach file,$(CMAKE_FILES),$(call cmake_file,$(file)))
	@if test -e $(MAN)/wskt.3; then \
	    echo '$(INSTALL) -m 644 $(MAN)/wskt*.3 "$(DESTDIR)$(MANDIR)/man3"'; \
	    $(INSTALL) -m 644 $(MAN)/wskt*.3 "$(DESTDIR)$(MANDIR)/man3"; fi

uninstall:
	rm -f "$(DESTDIR)$(LIBDIR)/libwskt.so.$(VERSION)" "$(DESTDIR)$(LIBDIR)/$(SONAME)" \
	    "$(DESTDIR)$(LIBDIR)/libwskt.so" "$(DESTDIR)$(LIBDIR)/libwskt.a" \
	    "$(DESTDIR)$(INCLUDEDIR)/wskt.h" "$(DESTDIR)$(INCLUDEDIR)/wskt.hpp" \
	    "$(DESTDIR)$(LIBDIR)/pkgconfig/wskt.pc" \
	    "$(DESTDIR)$(LIBDIR)/pkgconfig/wskt-static.pc"
	rm -f $(CMAKE_FILES:%="$(DESTDIR)$(LIBDIR)/cmake/wskt/%") \
	    "$(DESTDIR)$(MANDIR)/man3/wskt.3" "$(DESTDIR)$(MANDIR)/man3"/wskt_*.3

# What Debian's libraries look like: its directories, and packages named after
# the soname.
DEBS ?= $(TARGET)/deb

deb: $(LIBRARY)
	rm -rf $(TARGET)/deb-stage
	@$(MAKE) --no-print-directory install PREFIX=/usr DESTDIR=$(abspath $(TARGET))/deb-stage \
	    LIBDIR=/usr/lib/$$(dpkg-architecture -qDEB_HOST_MULTIARCH)
	packaging/deb.sh $(abspath $(TARGET))/deb-stage $(VERSION) $(SONAME) $(abspath $(DEBS))

clean:
	$(CARGO) clean
	rm -rf examples-c/build build


.PHONY: all demo test tests-only check valgrind fuzz sanitize soak abi conformance browsers bench scale manual install \
    uninstall deb clean
