// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "ubrules.h"

/*
 * What things need. A process needs kernel memory and open files, a file needs
 * a name that is kept, a socket needs room for one segment beyond the barrier:
 * less, and it may stall for ever.
 */
#define PROCESS_KMEM	40960
#define PROCESS_FILES	32
#define FILE_DCACHE	384
#define SOCKET_GAP	2560
#define TCP_BUFFER	65536
#define DGRAM_BUFFER	32768
#define DGRAM_GOOD	132096

#define AVNUMPROC	RULE_AVNUMPROC
#define DISKSPACE	RULE_DISKSPACE
#define DISKINODES	RULE_DISKINODES
#define R(name)		STOCKVZ_RES_##name

struct check {
	struct ubrules *rules;
	bool (*tell)(const struct finding *finding, void *arg);
	void *arg;
	unsigned int failed;
};

const char *rule_key(unsigned int param)
{
	static const char *const others[] = { "AVNUMPROC", "DISKSPACE", "DISKINODES" };

	if (param >= UB_NR)
		return others[param - UB_NR];
	for (const struct param *p = params; p->key; p++)
		if (param_resource(p) == (int)param)
			return p->key;
	return NULL;
}

static int read_bounds(struct bounds *bounds, const struct param *param, const char *value,
		       const char *file)
{
	int ret;

	*bounds = (struct bounds){ 0 };
	if (!value || !*value)
		return 0;
	ret = param_parse_pair(param->type, value, &bounds->barrier, &bounds->limit);
	if (ret == -EINVAL)
		return vz_err(VZ_FAILED, "Error: %s: bad value for %s: %s", file, param->key,
			      value);
	if (ret)
		vz_log(-1, "Warning: %s: too large value for %s=%s was truncated", file,
		       param->key, value);
	bounds->set = true;
	return 0;
}

int ubrules_read(struct ubrules *rules, const struct conf *conf, const char *file)
{
	const struct bounds *ram = &rules->of[R(PHYSPAGES)];
	int ret = 0;

	for (unsigned int i = 0; i < RULE_PARAMS; i++) {
		const char *key = rule_key(i);

		rules->of[i] = (struct bounds){ 0 };
		if (key)
			ret |= read_bounds(&rules->of[i], param_by_key(key), conf_get(conf, key),
					   file);
	}
	rules->vswap = ram->set && !ub_unlimited(ram->limit);
	rules->quota = conf_get_bool(conf, "DISK_QUOTA", false);
	return ret;
}

/* They end at the largest number: without limit is enough for anything. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UB_MAX - b ? UB_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	return a > UB_MAX / b ? UB_MAX : a * b;
}

static const struct bounds *at(const struct check *check, unsigned int param)
{
	return &check->rules->of[param];
}

static bool are_set(const struct check *check, unsigned int a, unsigned int b)
{
	return at(check, a)->set && at(check, b)->set;
}

static void conclude(struct check *check, struct finding *finding)
{
	struct bounds *bounds = &check->rules->of[finding->param];

	if (check->tell(finding, check->arg) && finding->cure)
		*bounds = (struct bounds){ true, finding->barrier, finding->limit };
	else if (finding->level != FINDING_ADVICE)
		check->failed++;
}

/* Something is wrong, and these bounds would be right. */
__attribute__((format(printf, 6, 7)))
static void wrong(struct check *check, enum finding_level level, unsigned int param,
		  uint64_t barrier, uint64_t limit, const char *fmt, ...)
{
	struct finding finding = {
		.level = level, .param = param,
		.cure = true, .barrier = barrier, .limit = limit,
	};
	va_list args;

	va_start(args, fmt);
	vsnprintf(finding.text, sizeof(finding.text), fmt, args);
	va_end(args);
	conclude(check, &finding);
}

static void must_be_set(struct check *check, unsigned int param)
{
	struct finding finding = { .level = FINDING_ERROR, .param = param };

	if (at(check, param)->set)
		return;
	snprintf(finding.text, sizeof(finding.text), "it is not set");
	conclude(check, &finding);
}

static void must_be_equal(struct check *check, unsigned int param)
{
	const struct bounds *b = at(check, param);
	uint64_t larger = b->barrier > b->limit ? b->barrier : b->limit;

	if (b->set && b->barrier != b->limit)
		wrong(check, FINDING_ERROR, param, larger, larger,
		      "barrier and limit should be equal");
}

static void must_be_ordered(struct check *check, unsigned int param)
{
	const struct bounds *b = at(check, param);

	if (b->set && b->barrier > b->limit)
		wrong(check, FINDING_ERROR, param, b->barrier, b->barrier,
		      "the barrier should not be above the limit");
}

/* A limit that means nothing has to be out of the way. */
static void must_be_unlimited(struct check *check, unsigned int param)
{
	const struct bounds *b = at(check, param);

	if (b->set && b->limit != UB_MAX)
		wrong(check, FINDING_ERROR, param, b->barrier, UB_MAX,
		      "the limit should be unlimited");
}

static void must_be_open(struct check *check, unsigned int param)
{
	const struct bounds *b = at(check, param);

	if (b->set && (b->barrier || b->limit != UB_MAX))
		wrong(check, FINDING_ERROR, param, 0, UB_MAX, "should be 0:unlimited");
}

/* A barrier that is raised takes the limit along. */
static void at_least(struct check *check, enum finding_level level, unsigned int param,
		     uint64_t least, const char *why)
{
	const struct bounds *b = at(check, param);

	if (b->set && b->barrier < least)
		wrong(check, level, param, least, plus(b->limit, least - b->barrier),
		      "the barrier should be at least %s, %llu", why, (unsigned long long)least);
}

static uint64_t average_processes(const struct check *check)
{
	return at(check, AVNUMPROC)->set ? at(check, AVNUMPROC)->barrier :
					   at(check, R(NUMPROC))->barrier / 2;
}

/* One that is not limited is no plan to have so many. */
static uint64_t planned(const struct check *check, unsigned int param)
{
	uint64_t limit = at(check, param)->limit;

	return at(check, param)->set && limit != UB_MAX ? limit : 0;
}

static void files_suffice(struct check *check)
{
	uint64_t sum = plus(plus(planned(check, R(NUMTCPSOCK)), planned(check, R(NUMOTHERSOCK))),
			    planned(check, R(NUMPTY)));

	at_least(check, FINDING_WARNING, R(NUMFILE), times(average_processes(check), PROCESS_FILES),
		 "32*avnumproc");
	at_least(check, FINDING_WARNING, R(NUMFILE), sum, "numtcpsock+numothersock+numpty");
}

static void dcache_suffices(struct check *check)
{
	uint64_t least = times(at(check, R(NUMFILE))->limit, FILE_DCACHE);
	const struct bounds *dcache = at(check, R(DCACHESIZE));

	if (are_set(check, R(DCACHESIZE), R(NUMFILE)) && dcache->limit < least)
		wrong(check, FINDING_WARNING, R(DCACHESIZE), dcache->barrier, least,
		      "the limit should be at least 384*numfile, %llu",
		      (unsigned long long)least);
}

static void kmem_suffices(struct check *check)
{
	uint64_t least = plus(times(average_processes(check), PROCESS_KMEM),
			      at(check, R(DCACHESIZE))->limit);

	if (at(check, R(DCACHESIZE))->set)
		at_least(check, FINDING_ERROR, R(KMEMSIZE), least,
			 "40960*avnumproc+dcachesize limit");
}

/*
 * Between barrier and limit there has to be room for each socket. For as many
 * as there are numbers, half of all numbers is room enough.
 */
static void gap_suffices(struct check *check, enum finding_level level, unsigned int param,
			 unsigned int sockets, const char *why)
{
	const struct bounds *b = at(check, param);
	uint64_t gap = times(at(check, sockets)->limit, SOCKET_GAP);
	uint64_t limit, barrier;

	if (!are_set(check, param, sockets))
		return;
	if (gap > UB_MAX / 2 + 1)
		gap = UB_MAX / 2 + 1;
	if (b->limit >= b->barrier && b->limit - b->barrier >= gap)
		return;
	limit = plus(b->barrier, gap);
	barrier = limit - b->barrier < gap ? limit - gap : b->barrier;
	wrong(check, level, param, barrier, limit,
	      "the limit should be above the barrier by at least %s, %llu", why,
	      (unsigned long long)gap);
}

static void buffers_suffice(struct check *check)
{
	gap_suffices(check, FINDING_ERROR, R(TCPSNDBUF), R(NUMTCPSOCK), "2560*numtcpsock");
	gap_suffices(check, FINDING_ERROR, R(OTHERSOCKBUF), R(NUMOTHERSOCK), "2560*numothersock");
	gap_suffices(check, FINDING_WARNING, R(TCPRCVBUF), R(NUMTCPSOCK), "2560*numtcpsock");
	at_least(check, FINDING_WARNING, R(TCPSNDBUF), TCP_BUFFER, "64 KiB");
	at_least(check, FINDING_WARNING, R(TCPRCVBUF), TCP_BUFFER, "64 KiB");
	at_least(check, FINDING_WARNING, R(DGRAMRCVBUF), DGRAM_BUFFER, "32 KiB");
	at_least(check, FINDING_WARNING, R(OTHERSOCKBUF), DGRAM_BUFFER, "32 KiB");
	at_least(check, FINDING_ADVICE, R(DGRAMRCVBUF), DGRAM_GOOD, "129 KiB");
	at_least(check, FINDING_ADVICE, R(OTHERSOCKBUF), DGRAM_GOOD, "129 KiB");
}

/* Each rule by itself first, so that what is computed from a value finds it right. */
static void check_classic(struct check *check)
{
	static const unsigned int equal[] = {
		R(NUMPROC), R(NUMTCPSOCK), R(NUMOTHERSOCK), R(SHMPAGES), R(NUMFILE), R(NUMPTY),
		R(NUMSIGINFO), R(NUMIPTENT),
	};
	static const unsigned int ordered[] = {
		R(KMEMSIZE), R(TCPSNDBUF), R(TCPRCVBUF), R(OTHERSOCKBUF), R(DGRAMRCVBUF),
		R(PRIVVMPAGES), R(LOCKEDPAGES), R(NUMFLOCK), R(DCACHESIZE),
	};
	static const unsigned int unlimited[] = { R(VMGUARPAGES), R(OOMGUARPAGES) };
	const size_t nr_equal = sizeof(equal) / sizeof(*equal);
	const size_t nr_ordered = sizeof(ordered) / sizeof(*ordered);

	for (size_t i = 0; i < nr_equal; i++) {
		must_be_set(check, equal[i]);
		must_be_equal(check, equal[i]);
	}
	for (size_t i = 0; i < nr_ordered; i++) {
		must_be_set(check, ordered[i]);
		must_be_ordered(check, ordered[i]);
	}
	for (size_t i = 0; i < 2; i++) {
		must_be_set(check, unlimited[i]);
		must_be_unlimited(check, unlimited[i]);
	}
	must_be_set(check, R(PHYSPAGES));
	must_be_open(check, R(PHYSPAGES));

	files_suffice(check);
	dcache_suffices(check);
	kmem_suffices(check);
	if (at(check, R(VMGUARPAGES))->set)
		at_least(check, FINDING_WARNING, R(PRIVVMPAGES), at(check, R(VMGUARPAGES))->barrier,
			 "the barrier of vmguarpages");
	buffers_suffice(check);
}

static void check_disk(struct check *check)
{
	static const unsigned int disk[] = { DISKSPACE, DISKINODES };

	for (size_t i = 0; i < 2; i++) {
		must_be_set(check, disk[i]);
		must_be_ordered(check, disk[i]);
	}
}

/* What a container may have, at most what there is */
static void check_amount(struct check *check, unsigned int param, uint64_t bytes, const char *what)
{
	const struct bounds *b = at(check, param);
	uint64_t pages = bytes / sysconf(_SC_PAGESIZE);

	must_be_set(check, param);
	if (b->set && b->barrier)
		wrong(check, FINDING_ERROR, param, 0, b->limit, "the barrier should be 0");
	if (b->set && b->limit > pages)
		wrong(check, FINDING_ERROR, param, b->barrier, pages,
		      "the limit should be at most what the host has of %s, %llu", what,
		      (unsigned long long)pages);
}

unsigned int ubrules_check(struct ubrules *rules, const struct host *host,
			   bool (*tell)(const struct finding *finding, void *arg), void *arg)
{
	struct check check = { .rules = rules, .tell = tell, .arg = arg };

	if (rules->vswap) {
		check_amount(&check, R(PHYSPAGES), host->ram, "memory");
		check_amount(&check, R(SWAPPAGES), host->swap, "swap");
	} else {
		check_classic(&check);
	}
	if (rules->quota)
		check_disk(&check);
	return check.failed;
}
