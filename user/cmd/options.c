// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/ip.h"
#include "lib/log.h"
#include "lib/net.h"
#include "lib/run.h"
#include "options.h"

#define MAX_OPTIONS	128

/* What getopt_long() returns: a parameter's place in its table, or more */
#define OPT_PARAM	1000
#define OPT_OWN		2000
#define OPT_IPDEL	3000

struct parser {
	const struct ct *ct;
	struct conf *changes;
	struct option options[MAX_OPTIONS];
	int nr;
};

static void add_option(struct parser *parser, const char *name, bool has_value, int id)
{
	/* The last one stays empty: it ends the table. */
	if (parser->nr < MAX_OPTIONS - 1)
		parser->options[parser->nr++] = (struct option){ name, has_value, NULL, id };
}

static void add_params(struct parser *parser, unsigned int flags)
{
	for (int i = 0; params[i].key; i++) {
		if (flags && !(params[i].flags & flags))
			continue;
		add_option(parser, params[i].opt, true, OPT_PARAM + i);
		if (params[i].type == PARAM_IP)
			add_option(parser, "ip", true, OPT_PARAM + i);
	}
	if (!flags)
		add_option(parser, "ipdel", true, OPT_IPDEL);
}

/* The same address may be written in several ways, a switch be on or off. */
static bool is_same(const struct param *param, const char *item, size_t len, const char *word)
{
	char copy[PATH_MAX];
	const char *list = copy;
	struct ip ip;

	if (param->type == PARAM_SWITCHES)
		return !strncmp(item, word, strcspn(word, ":") + 1);
	if (param->type != PARAM_IP)
		return len == strlen(word) && !strncmp(item, word, len);
	snprintf(copy, sizeof(copy), "%.*s", (int)len, item);
	return ip_next(&list, &ip) && ip_in_list(&ip, word);
}

/* What a list holds without the word, for the caller to free */
static char *list_without(const struct param *param, const char *list, const char *word)
{
	char *out = calloc(1, strlen(list) + 1);

	while (out && *list) {
		size_t n;

		list += strspn(list, " ");
		n = strcspn(list, " ");
		if (n && !is_same(param, list, n, word)) {
			if (*out)
				strcat(out, " ");
			strncat(out, list, n);
		}
		list += n;
	}
	return out;
}

/* What stands in the file, and what was given to the running container without it. */
static int first_addresses(struct parser *parser)
{
	const char *saved = conf_get(&parser->ct->conf, "IP_ADDRESS") ?: "";
	char *given = ct_running(parser->ct, NULL) > 0 ? net_given(parser->ct->id) : NULL;
	const char *rest = given;
	char *list = strdup(saved), *more;
	char text[IP_TEXT];
	struct ip ip;

	while (list && ip_next(&rest, &ip)) {
		if (ip_in_list(&ip, list))
			continue;
		ip_text(&ip, text);
		if (asprintf(&more, "%s%s%s", list, *list ? " " : "", text) < 0)
			more = NULL;
		free(list);
		list = more;
	}
	free(given);
	if (!list || conf_set(parser->changes, "IP_ADDRESS", list) < 0) {
		free(list);
		return -ENOMEM;
	}
	free(list);
	return 0;
}

/* What stands in the file, as far as it makes sense */
static int first_switches(struct parser *parser, const struct param *param)
{
	const char *saved = conf_get(&parser->ct->conf, param->key);
	char value[PATH_MAX];

	if (!saved || param_parse(param, saved, false, value, sizeof(value)))
		return 0;
	return conf_set(parser->changes, param->key, value);
}

static int first_list(struct parser *parser, const struct param *param)
{
	if (conf_get(parser->changes, param->key))
		return 0;
	if (param->type == PARAM_IP)
		return first_addresses(parser);
	return param->type == PARAM_SWITCHES ? first_switches(parser, param) : 0;
}

/* The list as it is by now */
static const char *list_now(const struct parser *parser, const struct param *param)
{
	return conf_get(parser->changes, param->key) ?: "";
}

static int list_change(struct parser *parser, const struct param *param, const char *remove,
		       const char *add)
{
	char *rest, *list = NULL;
	int ret = -ENOMEM;

	if (first_list(parser, param))
		return -ENOMEM;
	rest = list_without(param, list_now(parser, param), remove);
	if (rest && asprintf(&list, "%s%s%s", rest, *rest && *add ? " " : "", add) >= 0)
		ret = conf_set(parser->changes, param->key, list);
	free(rest);
	free(list);
	return ret;
}

static int delete_address(struct parser *parser, const char *address)
{
	const struct param *param = param_by_opt("ipadd");

	if (!strcasecmp(address, "all"))
		return conf_set(parser->changes, param->key, "");
	return list_change(parser, param, address, "");
}

/* Addresses that stand for none */
static bool is_no_address(const char *text)
{
	return !strcmp(text, "0.0.0.0") || !strcmp(text, "::") || !strcmp(text, "::0");
}

static int set_switches(struct parser *parser, const struct param *param, char *list)
{
	char *word;
	int ret = 0;

	while (!ret && (word = strsep(&list, " ")))
		ret = list_change(parser, param, word, word);
	return ret;
}

static int set_param(struct parser *parser, const struct param *param, const char *text)
{
	char value[PATH_MAX];
	int ret = param_parse(param, text, true, value, sizeof(value));

	if (ret)
		return ret;
	if (param->type == PARAM_IP && is_no_address(value))
		return 0;
	if (param->type == PARAM_SWITCHES)
		return set_switches(parser, param, value);
	if (param->type == PARAM_IP || param->type == PARAM_LIST ||
	    param->type == PARAM_IPTABLES)
		return list_change(parser, param, value, value);

	/* Of a beancounter the last value counts, of all else the first. */
	if (param_resource(param) < 0 && conf_get(parser->changes, param->key))
		return 0;
	return conf_set(parser->changes, param->key, value);
}

static int on_param(struct parser *parser, const char *name, const struct param *param)
{
	int ret = param ? set_param(parser, param, optarg) : delete_address(parser, optarg);

	if (ret == -ENOMEM)
		return vz_err(VZ_SYSTEM, "Error: out of memory");
	if (ret)
		return vz_err(VZ_BADVALUE, "Bad parameter for --%s: %s", name, optarg);
	return 0;
}

int parse_options(const struct ct *ct, int argc, char **argv, unsigned int flags,
		  const struct own_option *names,
		  int (*own)(const char *name, const char *value, void *arg), void *arg,
		  struct conf *changes)
{
	struct parser parser = { .ct = ct, .changes = changes };
	int opt, index = 0, ret = 0;

	for (int i = 0; names && names[i].name; i++)
		add_option(&parser, names[i].name, names[i].has_value, OPT_OWN + i);
	add_params(&parser, flags);

	optind = 0;
	while (!ret && (opt = getopt_long(argc, argv, "", parser.options, &index)) != -1) {
		const char *name = parser.options[index].name;

		if (opt == '?')
			ret = VZ_SYNTAX;	/* getopt has said what is wrong */
		else if (opt >= OPT_IPDEL)
			ret = on_param(&parser, name, NULL);
		else if (opt >= OPT_OWN)
			ret = own(name, optarg, arg);
		else
			ret = on_param(&parser, name, &params[opt - OPT_PARAM]);
	}
	if (!ret && optind < argc)
		ret = vz_err(VZ_SYNTAX, "%s: unexpected argument: %s", argv[0], argv[optind]);
	return ret;
}

char *join_words(int argc, char **argv)
{
	size_t size = 1;
	char *text, *end;

	for (int i = 0; i < argc; i++)
		size += strlen(argv[i]) + sizeof("'' ");
	text = malloc(size);
	if (!text)
		return NULL;
	end = text;
	*end = 0;
	for (int i = 0; i < argc; i++) {
		if (i)
			end = stpcpy(end, " ");
		end = stpcpy(end, *argv[i] ? argv[i] : "''");
	}
	return text;
}

int no_options(int argc, char **argv)
{
	if (argc < 2)
		return 0;
	return vz_err(VZ_SYNTAX, "%s: unexpected argument: %s", argv[0], argv[1]);
}
