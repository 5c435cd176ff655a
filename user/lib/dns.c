// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "files.h"

/* What follows a keyword in the host's resolv.conf, all lines of it in one. */
static void inherit(const char *word, FILE *out)
{
	char *text = read_text("/etc/resolv.conf"), *rest, *line;
	size_t len = strlen(word);
	const char *blank = "";

	line = text ? strtok_r(text, "\n", &rest) : NULL;
	for (; line; line = strtok_r(NULL, "\n", &rest)) {
		if (strncmp(line, word, len) || !strchr(" \t", line[len]))
			continue;
		line += len + strspn(line + len, " \t");
		fprintf(out, "%s%s", blank, line);
		blank = " ";
	}
	free(text);
}

char *dns_variable(const char *key, const char *value)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "%s=", key);
	if (value && !strcmp(value, "inherit"))
		inherit(!strcmp(key, "NAMESERVER") ? "nameserver" : "search", out);
	else
		fputs(value ?: "", out);
	if (!fclose(out))
		return text;
	free(text);
	return NULL;
}
