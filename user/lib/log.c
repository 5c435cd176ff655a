// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"

static struct {
	const char *program;
	long ctid;
	bool quiet;
	int verbose;	/* what the terminal shows */
	int level;	/* what the file keeps */
	int fd;
} log = { .program = "vzctl", .ctid = -1, .fd = -1 };

static int number_of(const struct conf *conf, const char *key)
{
	const char *value = conf_get(conf, key);

	return value ? atoi(value) : 0;
}

void log_open(const char *program, const struct conf *global)
{
	const char *file = conf_get(global, "LOGFILE");

	log.program = program;
	log.verbose += number_of(global, "VERBOSE");
	log.level = number_of(global, "LOG_LEVEL");

	/* A log that cannot be written is no reason to refuse a command. */
	if (conf_get_bool(global, "LOGGING", true))
		log.fd = open(file ? file : "/var/log/vzctl.log",
			      O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
}

void log_ctid(long id)
{
	log.ctid = id;
}

void log_quiet(void)
{
	log.quiet = true;
}

void log_verbose(void)
{
	log.verbose++;
}

static void to_file(const char *text)
{
	time_t now = time(NULL);
	char stamp[32] = "";
	char who[32] = "";
	struct tm tm;

	if (localtime_r(&now, &tm))
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S%z", &tm);
	if (log.ctid >= 0)
		snprintf(who, sizeof(who), "CT %ld : ", log.ctid);

	dprintf(log.fd, "%s %s : %s%s\n", stamp, log.program, who, text);
}

static void log_text(int level, const char *fmt, va_list args)
{
	int saved = errno;
	char *text;

	if (vasprintf(&text, fmt, args) < 0)
		return;

	if (!log.quiet && level <= log.verbose) {
		FILE *to = level < 0 ? stderr : stdout;

		fprintf(to, "%s\n", text);
		/* In its place among what the helpers print. */
		fflush(to);
	}
	if (log.fd >= 0 && level <= log.level)
		to_file(text);

	free(text);
	errno = saved;
}

void vz_log(int level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_text(level, fmt, args);
	va_end(args);
}

int vz_err(enum vz_exit code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_text(-1, fmt, args);
	va_end(args);

	return code;
}
