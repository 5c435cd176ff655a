// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "files.h"
#include "given.h"

static void path_of(char *buf, size_t size, const char *dir, unsigned int id)
{
	snprintf(buf, size, "%s/%u", dir, id);
}

char *given_read(const char *dir, unsigned int id)
{
	char path[64];
	char *text;

	path_of(path, sizeof(path), dir, id);
	text = read_text(path);
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text;
}

static void print_line(FILE *to, const void *line)
{
	fprintf(to, "%s\n", (const char *)line);
}

int given_write(const char *dir, unsigned int id, const char *line)
{
	int ret = make_dirs(dir, 0755);
	char path[64];

	if (ret)
		return ret;
	if (line)
		return replace_file(dir, id, print_line, line);
	path_of(path, sizeof(path), dir, id);
	return unlink(path) && errno != ENOENT ? -errno : 0;
}
