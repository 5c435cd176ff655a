// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ubtext.h"

#define COLUMNS		5	/* held maxheld barrier limit failcnt */

FILE *ub_text_open(const char **path)
{
	static const char *const paths[] = { "/proc/bc/resources", "/proc/user_beancounters" };
	FILE *file;

	/* Inside of a container there is only the second. */
	*path = paths[0];
	file = fopen(*path, "re");
	if (file || errno != ENOENT)
		return file;
	*path = paths[1];
	return fopen(*path, "re");
}

static int resource(const char *name)
{
	for (unsigned int i = 0; i < UB_NR; i++)
		if (!strcmp(ub_name(i), name))
			return i;
	return -1;
}

/* All of a word is a number, or -1. */
static int number(const char *word, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = word ? strtoull(word, &end, 10) : 0;
	return !word || !isdigit((unsigned char)*word) || *end || errno ? -1 : 0;
}

/* The numbers behind a resource's name. A name that we do not know counts for nothing. */
static int parse_numbers(struct ub_rows *rows, const char *name, char **rest)
{
	int res = resource(name);
	uint64_t n[COLUMNS];

	for (int i = 0; i < COLUMNS; i++)
		if (number(strtok_r(NULL, " \t\n", rest), &n[i]))
			return -EINVAL;
	if (res < 0 || !strcmp(name, "dummy"))
		return 0;
	rows->known |= 1u << res;
	rows->res[res] = (struct ub_res){ n[0], n[1], n[2], n[3], n[4] };
	return 0;
}

struct reader {
	struct ub_rows rows;
	int (*cb)(const struct ub_rows *rows, void *arg);
	void *arg;
};

/* What has been gathered so far is complete: another one begins, or the end came. */
static int next_group(struct reader *reader, long id)
{
	int ret = reader->rows.known ? reader->cb(&reader->rows, reader->arg) : 0;

	reader->rows = (struct ub_rows){ .id = id };
	return ret;
}

static int parse_row(struct reader *reader, char *line)
{
	char *rest, *word = strtok_r(line, " \t\n", &rest);
	uint64_t id;
	char *colon;
	int ret;

	if (!word || !strcmp(word, "uid"))
		return 0;
	if (!strcmp(word, "Version:")) {
		word = strtok_r(NULL, " \t\n", &rest);
		return word && !strcmp(word, "2.5") ? 0 : -EPROTO;
	}
	colon = strchr(word, ':');
	if (colon && !colon[1]) {
		*colon = '\0';
		if (number(word, &id) || id > UINT32_MAX)
			return -EINVAL;
		ret = next_group(reader, id);
		if (ret)
			return ret;
		word = strtok_r(NULL, " \t\n", &rest);
	}
	return word ? parse_numbers(&reader->rows, word, &rest) : -EINVAL;
}

int ub_text_read(FILE *file, int (*cb)(const struct ub_rows *rows, void *arg), void *arg)
{
	struct reader reader = { .rows.id = -1, .cb = cb, .arg = arg };
	char *line = NULL;
	size_t size = 0;
	int ret = 0;

	while (!ret && getline(&line, &size, file) >= 0)
		ret = parse_row(&reader, line);
	if (!ret && ferror(file))
		ret = -EIO;
	free(line);
	return ret ?: next_group(&reader, -1);
}

struct search {
	unsigned int id;
	struct ub_rows *rows;
};

static int match(const struct ub_rows *rows, void *arg)
{
	struct search *search = arg;

	if (rows->id != (long)search->id)
		return 0;
	*search->rows = *rows;
	return 1;
}

int ub_text_find(FILE *file, unsigned int id, struct ub_rows *rows)
{
	struct search search = { id, rows };
	int ret = ub_text_read(file, match, &search);

	return ret > 0 ? 0 : ret ?: -ENOENT;
}

int ub_text_error(const char *path, int error)
{
	if (error == -EPROTO)
		return vz_err(VZ_FAILED, "Error: %s: unknown version", path);
	if (error == -EINVAL)
		return vz_err(VZ_FAILED, "Error: %s: this is no table of beancounters", path);
	return vz_err(VZ_FAILED, "Error: cannot read %s: %s", path, strerror(-error));
}
