// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "files.h"
#include "host.h"
#include "log.h"

/* What one unit of CPU is worth has been a matter of agreement since OpenVZ. */
#define UNITS_PER_BOGOMIPS	25

/*
 * What stands behind "NAME:" at the beginning of a line, in whatever case; text
 * moves on behind it. NULL when there is no such line any more.
 */
static const char *next_value(const char **text, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = *text; *line;) {
		const char *end = strchrnul(line, '\n');
		bool found = !strncasecmp(line, name, len);
		const char *rest = found ? line + len + strspn(line + len, " \t") : "";

		if (*rest == ':') {
			*text = end;
			return rest + 1;
		}
		line = end + strspn(end, "\n");
	}
	return NULL;
}

static int kbytes(const char *text, const char *name, uint64_t *bytes)
{
	const char *value = next_value(&text, name);
	unsigned long long number;

	if (!value || sscanf(value, "%llu", &number) != 1 || number > UINT64_MAX >> 10)
		return -EINVAL;
	*bytes = number << 10;
	return 0;
}

int host_parse_memory(struct host *host, const char *meminfo)
{
	if (kbytes(meminfo, "MemTotal", &host->ram) || !host->ram)
		return -EINVAL;
	if (kbytes(meminfo, "SwapTotal", &host->swap))
		host->swap = 0;
	if (kbytes(meminfo, "LowTotal", &host->low))
		host->low = host->ram;
	return 0;
}

int host_parse_cpus(struct host *host, const char *cpuinfo)
{
	const char *value;
	int found = 0;

	host->bogomips = 0;
	while ((value = next_value(&cpuinfo, "bogomips"))) {
		host->bogomips += strtod(value, NULL);
		found++;
	}
	return found ? 0 : -EINVAL;
}

static int parse_threads(struct host *host, const char *text)
{
	unsigned long long number;

	if (sscanf(text, "%llu", &number) != 1 || !number)
		return -EINVAL;
	host->threads = number;
	return 0;
}

static int read_and_parse(struct host *host, const char *path,
			  int (*parse)(struct host *host, const char *text))
{
	char *text = read_text(path);
	int ret;

	if (!text)
		return vz_err(VZ_FAILED, "Error: cannot read %s: %s", path, strerror(errno));
	ret = parse(host, text);
	free(text);
	return ret ? vz_err(VZ_FAILED, "Error: %s does not say what is needed", path) : 0;
}

int host_memory(struct host *host)
{
	return read_and_parse(host, "/proc/meminfo", host_parse_memory);
}

int host_threads(struct host *host)
{
	return read_and_parse(host, "/proc/sys/kernel/threads-max", parse_threads);
}

int host_cpus(struct host *host)
{
	return read_and_parse(host, "/proc/cpuinfo", host_parse_cpus);
}

uint64_t host_power(const struct host *host)
{
	return host->bogomips * UNITS_PER_BOGOMIPS;
}
