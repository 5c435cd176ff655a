// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

#define FAIL_NTH "/proc/thread-self/fail-nth"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = write(fd, text, strlen(text));
		close(fd);
	}
	return n < 0 ? -ENOSYS : 0;
}

/* Those that may wait as well, of any size, and without a word about each. */
int fault_open(void)
{
	static const struct {
		const char *file;
		const char *value;
	} settings[] = {
		{ "failslab/ignore-gfp-wait", "N" },
		{ "failslab/verbose", "0" },
		{ "fail_page_alloc/ignore-gfp-wait", "N" },
		{ "fail_page_alloc/ignore-gfp-highmem", "N" },
		{ "fail_page_alloc/min-order", "0" },
		{ "fail_page_alloc/verbose", "0" },
	};
	char path[128];
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 settings[i].file);
		err = put(path, settings[i].value);
	}
	return err ?: access(FAIL_NTH, R_OK | W_OK) ? -ENOSYS : 0;
}

/* Opened before, and not again: opening and closing allocates. */
static int nth = -1;
static pid_t whose;

void fault_set(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (whose != gettid()) {
		if (nth >= 0)
			close(nth);
		nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
		whose = gettid();
	}
	if (pwrite(nth, text, len, 0) != len)
		dprintf(2, "fail-nth: %m\n");
}

bool fault_clear(void)
{
	char text[16] = "";
	int err = errno;
	bool failed;

	/* What is left to wait for; reading it does not allocate. */
	failed = pread(nth, text, sizeof(text) - 1, 0) > 0 && text[0] == '0';
	if (pwrite(nth, "0", 1, 0) != 1)
		dprintf(2, "fail-nth: %m\n");
	errno = err;
	return failed;
}
