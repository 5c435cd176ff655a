/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Configuration files: KEY="value" lines that a shell can source.
 *
 * A struct conf is what several of them say together. Each conf_read() and each
 * conf_set() after it overrides what came before.
 */
#ifndef _VZ_CONF_H
#define _VZ_CONF_H

#include <stdbool.h>
#include <stddef.h>

struct conf_var {
	char *key;
	char *value;		/* NULL: the key is to go (only in a set of changes) */
	unsigned int layer;	/* which conf_read() it came from */
};

struct conf {
	struct conf_var *vars;
	size_t nr;
	unsigned int layer;
};

void conf_free(struct conf *conf);
int conf_copy(struct conf *to, const struct conf *from);

/* 0, -ENOENT and the like, or -EINVAL (said why) when it is no text file */
int conf_read(struct conf *conf, const char *path);

/* The value, or NULL when the key is not set. */
const char *conf_get(const struct conf *conf, const char *key);
/* "yes" in any case; otherwise what stands for an unset key */
bool conf_get_bool(const struct conf *conf, const char *key, bool unset);

/* A NULL value marks the key for removal by conf_save(). 0 or -ENOMEM. */
int conf_set(struct conf *conf, const char *key, const char *value);

/*
 * Put the changes into the file and leave every other line as it is. The file
 * is written whole beside the old one and renamed over it; it may not exist
 * yet. Returns 1 when written, 0 when it said all that already, or -errno.
 */
int conf_save(const char *path, const struct conf *changes);
/* The same, but the lines that stay come from another file: a new one is made. */
int conf_save_as(const char *from, const char *path, const struct conf *changes);

/* /etc/vz, or $VZ_CONF_DIR */
const char *vz_confdir(void);
/* "<confdir>/conf/N.conf" and "<confdir>/conf/ve-NAME.conf-sample" */
void conf_path(char *buf, size_t size, unsigned int id);
void sample_path(char *buf, size_t size, const char *name);

/* vz.conf, read once: NULL when there is none (the error has been printed). */
const struct conf *conf_global(void);

#endif /* _VZ_CONF_H */
