# SPDX-License-Identifier: GPL-2.0
#
# "make help" lists the targets. Everything that is built goes to build/.

VERSION	:= $(shell cat VERSION)
B	:= $(CURDIR)/build

# The module is built for the running kernel unless KDIR says otherwise; where the running
# kernel has no headers (a container, a kernel of one's own), for the newest supported one.
RUNNING	:= $(wildcard /lib/modules/$(shell uname -r)/build)
KDIR	?= $(or $(RUNNING),$(lastword $(shell selftests/vm/headers)))
RELEASE	= $(shell sed -nE 's/.*"(.*)"/\1/p' $(KDIR)/include/generated/utsrelease.h 2>/dev/null)
# One tree of links for each kernel, so that one build does not tread on another.
FARM	= $(B)/$(RELEASE)

DEPS_USER := build-essential pkg-config libnl-genl-3-dev libcap-dev libseccomp-dev
DEPS	:= $(DEPS_USER) \
	linux-headers-amd64 linux-headers-6.12-amd64 linux-source-6.12 \
	qemu-system-x86 busybox-static mmdebstrap cpio kmod xz-utils zstd e2fsprogs iproute2 \
	sparse shellcheck clang-format python3-yaml python3-jsonschema

.PHONY: help
help:			## Show this list
	@echo "stockvz $(VERSION). Targets:"
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  \1\t\2/p' Makefile | expand -t 18

.PHONY: deps
deps:			## Install with apt what the other targets need
	@missing=$$(dpkg-query -W -f '$${Package} $${db:Status-Status}\n' $(DEPS) 2>&1 | \
		sed -nE 's/^(\S+) (not-installed|config-files)$$/\1/p; s/.*matching (\S+)$$/\1/p'); \
	[ -n "$$missing" ] || exit 0; \
	[ $$(id -u) = 0 ] || { echo "make deps needs root, to install:" $$missing; exit 1; }; \
	apt-get -q update && \
	DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends $$missing

# For the kernel of "make check-debug" only.
.PHONY: deps-debug
deps-debug:
	@$(MAKE) -s deps DEPS="linux-source-6.1 bc bison flex libelf-dev pahole"

.PHONY: module
module:			## Build stockvz.ko for one kernel (KDIR=/usr/src/linux-headers-...)
	@[ -n "$(RELEASE)" ] || { \
		echo "no kernel headers in '$(KDIR)': run make deps, or give KDIR="; exit 1; }
	$(if $(or $(RUNNING),$(filter command line environment,$(origin KDIR))),, \
		@echo "the running kernel has no headers here: building for $(RELEASE)")
	@for dir in $$(find kernel -type d); do \
		mkdir -p $(FARM)/$$dir && \
		find $(CURDIR)/$$dir -maxdepth 1 \
			\( -name '*.[chS]' ! -name '*.mod.c' -o -name Kbuild \) \
			-exec ln -sf -t $(FARM)/$$dir {} +; \
	done
	@find $(FARM)/kernel -xtype l -delete
	@ln -sfn -t $(FARM) $(CURDIR)/include $(CURDIR)/VERSION
	@$(MAKE) -C $(KDIR) M=$(FARM)/kernel $(KFLAGS) modules
	@cp -p $(FARM)/kernel/stockvz.ko $(FARM)/stockvz.ko

# Modules that only tests load, built and kept the same way.
.PHONY: test-modules
test-modules:
	@for dir in hook/holder ub/server; do \
		farm=$(FARM)/$${dir#*/}; \
		mkdir -p $$farm && \
		ln -sf -t $$farm $(CURDIR)/selftests/$$dir/* && \
		$(MAKE) -C $(KDIR) M=$$farm $(KFLAGS) modules || exit; \
	done

.PHONY: module-all
module-all:		## Build stockvz.ko for every supported kernel
	@for dir in $$(selftests/vm/headers); do $(MAKE) module KDIR=$$dir || exit; done

.PHONY: user
user:			## Build the tools
	@$(MAKE) -C user O=$(B)/user

.PHONY: selftests
selftests: user		## Build the tests
	@$(MAKE) -C selftests O=$(B)/selftests

.PHONY: netlink
netlink:		## Regenerate the netlink code from its specification
	@Documentation/netlink/generate

dkms.conf: dkms.conf.in VERSION
	@sed 's/@VERSION@/$(VERSION)/' $< >$@

.PHONY: lint
lint:			## Check the sources: checkpatch, sparse, warnings, shellcheck, our own rules
	@selftests/lint

.PHONY: model
model:			## Drive the arithmetic of beancounters in user space
	@$(MAKE) -s -C selftests model O=$(B)/selftests

.PHONY: check
check: deps		## What a change must pass: lint, model, small guests of each kernel, containers
	@selftests/check lint model build hook+ct quick

.PHONY: check-quick
check-quick: deps	## Only the small guests of each kernel
	@selftests/check build hook quick

.PHONY: check-ct
check-ct: deps		## Only the containers, on a whole Debian guest
	@selftests/check build ct

.PHONY: check-debug
check-debug: deps deps-debug	## On a kernel with KASAN, lockdep, kmemleak and failing allocations
	@selftests/check debug

.PHONY: check-dkms
check-dkms: deps	## Build, install, reboot, load and remove by DKMS, in a Debian guest
	@selftests/check dkms

.PHONY: bench
bench: deps		## What it costs, in guest instructions
	@selftests/bench/run

.PHONY: bench-net
bench-net: deps		## What a packet costs, by venet and by other ways
	@selftests/bench/run-net

.PHONY: demo
demo: deps		## A container run into its limits, in a throw-away VM
	@selftests/demo/run

$(B)/vm/agent: selftests/vm/agent.c
	@mkdir -p $(@D)
	$(CC) -O2 -Wall -Wextra -Werror -static -o $@ $<

.PHONY: shell
shell: deps		## A shell in a throw-away VM with all of this inside (KERNEL=6.12 IMAGE=debian)
	@selftests/vm/run --kernel $(or $(KERNEL),6.1) --image $(or $(IMAGE),quick) --shell

.PHONY: install
install: user		## Install the tools on this machine (DESTDIR=); the module: make dkms
	@$(MAKE) -C user install O=$(B)/user DESTDIR=$(DESTDIR)

.PHONY: uninstall
uninstall:		## Remove what install put, but not what was changed of /etc/vz (DESTDIR=)
	@$(MAKE) -C user uninstall O=$(B)/user DESTDIR=$(DESTDIR)

.PHONY: install-module
install-module: module	## Install the module for one kernel, without DKMS (KDIR=, DESTDIR=)
	install -D -m 644 $(FARM)/stockvz.ko $(DESTDIR)/lib/modules/$(RELEASE)/extra/stockvz.ko
	$(if $(DESTDIR),,depmod $(RELEASE))

# Of what this tree has now: the version is in one place, and so no changelog is kept. It is
# for machines that are at work, too: nothing is installed there but what it builds with.
.PHONY: deb
deb:			## Build Debian packages of the tools and of the module's source
	@$(MAKE) -s deps DEPS="$(DEPS_USER) debhelper dh-dkms"
	@rm -rf $(B)/deb && mkdir -p $(B)/deb/stockvz-$(VERSION)
	@tar -c --exclude=./build --exclude=./.git . | tar -x -C $(B)/deb/stockvz-$(VERSION)
	@printf 'stockvz (%s) unstable; urgency=medium\n\n  * See the history of the source.\n\n -- %s  %s\n' \
		'$(VERSION)' "$$(sed -n 's/^Maintainer: //p' debian/control)" "$$(date -R)" \
		>$(B)/deb/stockvz-$(VERSION)/debian/changelog
	@cd $(B)/deb/stockvz-$(VERSION) && dpkg-buildpackage -us -uc -b
	@ls $(B)/deb/*.deb

# What DKMS needs to build the module again for every kernel that comes.
DKMS_TREE := /usr/src/stockvz-$(VERSION)
KERNELS	?= $(patsubst /lib/modules/%/build,%,$(wildcard /lib/modules/*/build))

.PHONY: dkms
dkms: dkms.conf		## Hand the module to DKMS, for all kernels with headers (KERNELS="...")
	@command -v dkms >/dev/null || { echo "no dkms here: apt-get install dkms"; exit 1; }
	@[ -z "$$(dkms status -m stockvz -v $(VERSION))" ] || \
		dkms remove -m stockvz -v $(VERSION) --all
	@rm -rf $(DKMS_TREE) && mkdir -p $(DKMS_TREE)
	@tar -c --exclude='*.o' --exclude='*.ko' --exclude='*.mod*' --exclude='.*.cmd' \
		kernel include VERSION COPYING dkms.conf | tar -x -C $(DKMS_TREE)
	@dkms add -m stockvz -v $(VERSION)
	@for k in $(KERNELS); do dkms install -m stockvz -v $(VERSION) -k $$k || exit; done

.PHONY: clean
clean:			## Remove everything that was built (not the cache of kernels and images)
	rm -rf $(B)
