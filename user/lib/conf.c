// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "log.h"
#include "param.h"

void conf_free(struct conf *conf)
{
	for (size_t i = 0; i < conf->nr; i++) {
		free(conf->vars[i].key);
		free(conf->vars[i].value);
	}
	free(conf->vars);
	*conf = (struct conf){ 0 };
}

static struct conf_var *find(const struct conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->nr; i++)
		if (!strcmp(conf->vars[i].key, key))
			return &conf->vars[i];
	return NULL;
}

const char *conf_get(const struct conf *conf, const char *key)
{
	const struct conf_var *var = find(conf, key);

	return var ? var->value : NULL;
}

bool conf_get_bool(const struct conf *conf, const char *key, bool unset)
{
	const char *value = conf_get(conf, key);

	return value ? !strcasecmp(value, "yes") : unset;
}

static struct conf_var *append(struct conf *conf, const char *key)
{
	struct conf_var *vars = reallocarray(conf->vars, conf->nr + 1, sizeof(*vars));
	char *copy = strdup(key);

	if (vars)
		conf->vars = vars;
	if (!vars || !copy) {
		free(copy);
		return NULL;
	}
	conf->vars[conf->nr] = (struct conf_var){ .key = copy };
	return &conf->vars[conf->nr++];
}

int conf_set(struct conf *conf, const char *key, const char *value)
{
	struct conf_var *var = find(conf, key);
	char *copy = value ? strdup(value) : NULL;

	if (!var)
		var = append(conf, key);
	if (!var || (value && !copy)) {
		free(copy);
		return -ENOMEM;
	}
	free(var->value);
	var->value = copy;
	var->layer = conf->layer;
	return 0;
}

int conf_copy(struct conf *to, const struct conf *from)
{
	for (size_t i = 0; i < from->nr; i++) {
		const struct conf_var *var = &from->vars[i];

		to->layer = var->layer;
		if (conf_set(to, var->key, var->value) < 0)
			return -ENOMEM;
	}
	to->layer = from->layer;
	return 0;
}

static void cut_trailing_blanks(char *text)
{
	size_t len = strlen(text);

	while (len && isspace((unsigned char)text[len - 1]))
		text[--len] = '\0';
}

static void remove_backslashes(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (*text == '\\' && text[1])
			text++;
		*to++ = *text;
	}
	*to = '\0';
}

/* Two parameters have had other names once. */
static char *today(char *key)
{
	if (!strcmp(key, "DCACHE"))
		return "DCACHESIZE";
	if (!strcmp(key, "IPTENTRIES"))
		return "NUMIPTENT";
	return key;
}

/*
 * Cut a line into key and value. Returns 0 for a blank line or a comment, 1 for
 * an assignment, -EINVAL for anything else. A quoted value goes on to the last
 * quote of the line; what stands behind it does not count.
 */
static int parse_line(char *line, char **key, char **value)
{
	char *end;

	cut_trailing_blanks(line);
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;

	*key = line;
	*value = strchr(line, '=');
	if (!*value || *value == line)
		return -EINVAL;
	*(*value)++ = '\0';
	cut_trailing_blanks(*key);
	*key = today(*key);

	if (**value == '"') {
		(*value)++;
		end = strrchr(*value, '"');
		if (end)
			*end = '\0';
	}
	remove_backslashes(*value);
	return 1;
}

/*
 * A second assignment in the same file: beancounters take the last, lists
 * gather, everything else keeps the first.
 */
static int assign_again(struct conf *conf, struct conf_var *var, const char *value,
			const char *path, unsigned int lineno)
{
	const struct param *param = param_by_key(var->key);
	char *both;
	int ret;

	if (param && param_resource(param) >= 0)
		return conf_set(conf, var->key, value);

	if (!param || (param->type != PARAM_LIST && param->type != PARAM_IP &&
		       param->type != PARAM_SWITCHES)) {
		vz_log(-1, "Warning: %s:%u: %s is set again, ignored", path, lineno, var->key);
		return 0;
	}
	if (asprintf(&both, "%s %s", var->value, value) < 0)
		return -ENOMEM;
	ret = conf_set(conf, var->key, both);
	free(both);
	return ret;
}

static int read_line(struct conf *conf, char *line, const char *path, unsigned int lineno)
{
	char *key, *value;
	struct conf_var *var;
	int ret = parse_line(line, &key, &value);

	if (ret < 0) {
		vz_log(-1, "Warning: can't parse %s:%u ('=' not found), skipping", path, lineno);
		return 0;
	}
	if (!ret)
		return 0;

	var = find(conf, key);
	if (var && var->layer == conf->layer)
		return assign_again(conf, var, value, path, lineno);
	return conf_set(conf, key, value);
}

/* Like getline(), but a line that is no text is an error: -EINVAL, said. */
static ssize_t text_line(FILE *file, char **line, size_t *size, const char *path,
			 unsigned int lineno)
{
	ssize_t len = getline(line, size, file);

	if (len < 0)
		return ferror(file) ? -EIO : 0;
	if (memchr(*line, '\0', len)) {
		vz_log(-1, "Error: %s:%u: not a text file", path, lineno);
		return -EINVAL;
	}
	return len;
}

int conf_read(struct conf *conf, const char *path)
{
	FILE *file = fopen(path, "re");
	unsigned int lineno = 1;
	char *line = NULL;
	size_t size = 0;
	ssize_t ret;

	if (!file)
		return -errno;

	conf->layer++;
	while ((ret = text_line(file, &line, &size, path, lineno)) > 0) {
		ret = read_line(conf, line, path, lineno++);
		if (ret < 0)
			break;
	}
	free(line);
	fclose(file);
	return ret;
}

/*
 * Scripts source these files, so a value must not run as one: all that means
 * something to a shell inside double quotes is escaped, except $VEID in a path.
 */
static void write_var(FILE *out, const struct conf_var *var)
{
	const struct param *param = param_by_key(var->key);
	bool path = param && param->type == PARAM_PATH;

	fprintf(out, "%s=\"", var->key);
	for (const char *c = var->value; *c; c++) {
		bool veid = path && (!strncmp(c, "$VEID", 5) || !strncmp(c, "${VEID}", 7));

		if (strchr("\"\\`$", *c) && !veid)
			putc('\\', out);
		putc(*c, out);
	}
	fputs("\"\n", out);
}

struct rewrite {
	const struct conf *changes;
	bool *done;		/* which of them have been written */
	bool changed;
	const char *path;
};

/* Copy one line of the old file, or what it has become. */
static int rewrite_line(struct rewrite *rw, FILE *out, const char *line)
{
	char *copy = strdup(line), *key, *value;
	const struct conf_var *var = NULL;
	size_t i;

	if (!copy)
		return -ENOMEM;
	if (parse_line(copy, &key, &value) > 0)
		var = find(rw->changes, key);

	if (!var) {
		fputs(line, out);
		if (!strchr(line, '\n'))
			putc('\n', out);
		free(copy);
		return 0;
	}

	i = var - rw->changes->vars;
	if (rw->done[i] || !var->value) {
		rw->changed = true;	/* a key is not kept twice */
	} else if (!strcmp(var->value, value)) {
		fputs(line, out);
		if (!strchr(line, '\n'))
			putc('\n', out);
	} else {
		write_var(out, var);
		rw->changed = true;
	}
	rw->done[i] = true;
	free(copy);
	return 0;
}

static int rewrite(struct rewrite *rw, FILE *in, FILE *out)
{
	unsigned int lineno = 1;
	char *line = NULL;
	size_t size = 0;
	ssize_t ret = 0;

	while (in && (ret = text_line(in, &line, &size, rw->path, lineno++)) > 0) {
		ret = rewrite_line(rw, out, line);
		if (ret < 0)
			break;
	}
	free(line);
	if (ret < 0)
		return ret;

	for (size_t i = 0; i < rw->changes->nr; i++) {
		if (rw->done[i] || !rw->changes->vars[i].value)
			continue;
		write_var(out, &rw->changes->vars[i]);
		rw->changed = true;
	}
	return 0;
}

static int sync_directory_of(const char *path)
{
	char copy[PATH_MAX];
	int fd, ret;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return ret;
}

static FILE *open_beside(const char *tmp, FILE *in)
{
	struct stat st = { .st_mode = 0644 };
	FILE *out;
	int fd;

	/* Whoever holds the container's lock is the only one to write here. */
	unlink(tmp);
	if (in && fstat(fileno(in), &st) < 0)
		return NULL;
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, st.st_mode & 0777);
	if (fd < 0)
		return NULL;
	out = fdopen(fd, "w");
	if (!out)
		close(fd);
	return out;
}

static int finish_file(FILE *out, int ret)
{
	if (!ret && (fflush(out) || fsync(fileno(out)) < 0))
		ret = -errno;
	if (!ret && ferror(out))
		ret = -EIO;
	fclose(out);
	return ret;
}

int conf_save(const char *path, const struct conf *changes)
{
	return conf_save_as(path, path, changes);
}

int conf_save_as(const char *from, const char *path, const struct conf *changes)
{
	struct rewrite rw = { .changes = changes, .path = from };
	char real[PATH_MAX], tmp[PATH_MAX + 8];
	FILE *in, *out;
	int ret = -ENOMEM;

	/* The file may be a link to where it really is: keep the link. */
	if (!realpath(path, real)) {
		if (errno != ENOENT)
			return -errno;
		snprintf(real, sizeof(real), "%s", path);
	}
	snprintf(tmp, sizeof(tmp), "%s.tmp", real);

	in = fopen(from, "re");
	if (!in && (errno != ENOENT || from != path))
		return -errno;
	rw.changed = !in || from != path;

	out = open_beside(tmp, in);
	if (!out) {
		ret = -errno;
		goto out;
	}
	rw.done = calloc(changes->nr + 1, sizeof(*rw.done));
	if (rw.done)
		ret = rewrite(&rw, in, out);
	ret = finish_file(out, ret);
	if (!ret && rw.changed)
		ret = rename(tmp, real) < 0 ? -errno : 1;
	if (ret > 0)
		sync_directory_of(real);
	else
		unlink(tmp);
	free(rw.done);
out:
	if (in)
		fclose(in);
	return ret;
}

const char *vz_confdir(void)
{
	const char *dir = secure_getenv("VZ_CONF_DIR");

	return dir && *dir == '/' ? dir : "/etc/vz";
}

void conf_path(char *buf, size_t size, unsigned int id)
{
	snprintf(buf, size, "%s/conf/%u.conf", vz_confdir(), id);
}

void sample_path(char *buf, size_t size, const char *name)
{
	snprintf(buf, size, "%s/conf/ve-%s.conf-sample", vz_confdir(), name);
}

const struct conf *conf_global(void)
{
	static struct conf global;
	char path[PATH_MAX];
	int ret;

	if (global.layer)
		return &global;

	snprintf(path, sizeof(path), "%s/vz.conf", vz_confdir());
	ret = conf_read(&global, path);
	if (!ret)
		return &global;

	if (ret != -EINVAL)
		vz_log(-1, "Error: cannot read the global configuration file %s: %s",
		       path, strerror(-ret));
	conf_free(&global);
	return NULL;
}
