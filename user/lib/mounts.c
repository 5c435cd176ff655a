// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mounts.h"

int mounts_open(struct mounts *mounts)
{
	*mounts = (struct mounts){ .file = fopen("/proc/self/mountinfo", "re") };
	return mounts->file ? 0 : -errno;
}

/* The kernel writes blank, tab, newline and backslash as a backslash and three octal digits. */
static void unescape(char *text)
{
	char *to = text;

	while (*text) {
		if (*text == '\\' && strspn(text + 1, "01234567") >= 3) {
			*to++ = (text[1] & 3) << 6 | (text[2] & 7) << 3 | (text[3] & 7);
			text += 4;
		} else {
			*to++ = *text++;
		}
	}
	*to = 0;
}

/*
 * "id parent device root point options [shared:peers ...] - type source options". What is
 * between two blanks is one field, whatever else is in it: a container names its directories
 * as it likes.
 */
static bool parse(struct mounts *mounts)
{
	char *left = mounts->line, *right = strstr(left, " - "), *group;

	if (!right)
		return false;
	*right = 0;
	right += 3;
	mounts->id = strtoull(left, NULL, 10);
	for (int field = 0; field < 5; field++)
		mounts->point = strsep(&left, " ");
	group = left ? strstr(left, " shared:") : NULL;
	mounts->peers = group ? strtoull(group + strlen(" shared:"), NULL, 10) : 0;
	mounts->type = strsep(&right, " ");
	mounts->source = strsep(&right, " ");
	if (!mounts->point || !mounts->source)
		return false;
	unescape(mounts->point);
	unescape(mounts->source);
	return true;
}

bool mounts_next(struct mounts *mounts)
{
	while (mounts->file && getline(&mounts->line, &mounts->size, mounts->file) > 0)
		if (parse(mounts))
			return true;
	return false;
}

void mounts_close(struct mounts *mounts)
{
	free(mounts->line);
	if (mounts->file)
		fclose(mounts->file);
}
