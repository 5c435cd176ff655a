// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "json.h"

/* Bytes from 0x80 on are left to be the UTF-8 that they should be. */
static void quoted(FILE *out, const char *text, size_t len)
{
	putc('"', out);
	for (size_t i = 0; i < len; i++) {
		unsigned char c = text[i];

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			fprintf(out, "\\u%04x", c);
		else
			putc(c, out);
	}
	putc('"', out);
}

void json_string(FILE *out, const char *text)
{
	if (text)
		quoted(out, text, strlen(text));
	else
		fputs("null", out);
}

void json_words(FILE *out, const char *list)
{
	const char *comma = "";

	putc('[', out);
	for (list = list ?: "", list += strspn(list, " "); *list; list += strspn(list, " ")) {
		size_t len = strcspn(list, " ");

		fputs(comma, out);
		quoted(out, list, len);
		list += len;
		comma = ", ";
	}
	putc(']', out);
}
