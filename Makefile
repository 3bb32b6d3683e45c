# SPDX-License-Identifier: Apache-2.0
# The commands that people type; Meson does the work.
BUILD ?= build
PREFIX ?= /usr/local

.PHONY: all clean
all: $(BUILD)/build.ninja
	@ninja -C $(BUILD)

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix $(PREFIX)

clean:
	rm -rf $(BUILD) build-*
