// SPDX-License-Identifier: GPL-2.0
/*
 * Low memory is what runs out first. A part of it goes to containers, half of
 * each one's share as kernel memory and half as socket buffers; the number of
 * processes follows from the one, and has to leave room enough in the other.
 * Where it does not, the next level is less generous to each and, because not
 * all will need all of it at once, gives away more. The last one starts from
 * the buffers, as small as they may be.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "split.h"

#define R(name)		STOCKVZ_RES_##name

#define MIB		(1024 * 1024UL)
#define GIB		(1024 * MIB)
#define HOST_MEMORY	(50 * MIB)	/* of the host itself */
#define HOST_DISK	(10 * GIB)
#define HOST_INODES	100000UL
#define MIN_MEMORY	5542912UL	/* of a container */
#define MIN_LOW		1348608UL
#define MIN_DISK	225280UL	/* KiB, and what it gets when nothing better is known */
#define MIN_INODES	88000UL
#define MIN_PROCESSES	30
#define MIN_GUARANTEE	1024		/* pages */
#define MIN_TCP		65536
#define MIN_DGRAM	32768
#define MIN_SEGMENT	2560
#define MAX_THREADS	8000		/* of all; twice that with much memory */
#define MUCH_MEMORY	(2 * GIB)
#define LOW_PERCENT	40		/* that containers may have of low memory */
#define PROCESS_FILES	32

static const struct level {
	unsigned int low;	/* percent of the share of low memory */
	unsigned int threads;	/* percent of the share of threads */
	unsigned int ratio;	/* processes at most, to those there are on average */
	unsigned int kmem;	/* bytes for a process */
	unsigned int buffer;	/* bytes below the barrier of TCP buffers */
	unsigned int segment;	/* bytes above it for each socket */
	unsigned int siginfo;
	unsigned int dcache;	/* bytes for a file */
	unsigned int private;	/* percent of the guarantee */
	unsigned int locked;	/* hundredths of kmem */
	unsigned long min_low;
} levels[] = {
	{ 100, 100, 8, 81920, 262144, 4096, 1024, 576, 600, 20, 10 * MIB },
	{ 120, 150, 5, 65536, 131072, 3036, 512, 460, 300, 6, 2 * MIB },
	{ 180, 200, 3, 53248, 65536, 2560, 256, 384, 150, 2, 0 },
};

#define NR_LEVELS	(sizeof(levels) / sizeof(*levels))

/* A division on its way */
struct share {
	const struct split *split;
	const struct level *level;
	long total;		/* bytes of memory and swap */
	long low;
	long guarantee;		/* pages */
	long kmem;
	long processes, average;
};

static long page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

static long smaller(long a, long b)
{
	return a < b ? a : b;
}

static long larger(long a, long b)
{
	return a > b ? a : b;
}

static uint64_t all_threads(const struct host *host)
{
	uint64_t most = host->low > MUCH_MEMORY ? 2 * MAX_THREADS : MAX_THREADS;

	return host->threads < most ? host->threads : most;
}

static void set(struct split *split, unsigned int param, uint64_t barrier, uint64_t limit)
{
	split->rules.of[param] = (struct bounds){ true, barrier, limit };
}

static void set_both(struct split *split, unsigned int param, uint64_t value)
{
	set(split, param, value, value);
}

/* So much more at the limit, in percent */
static void set_above(struct split *split, unsigned int param, uint64_t barrier,
		      unsigned int percent)
{
	set(split, param, barrier, barrier + barrier / 100 * percent +
	    barrier % 100 * percent / 100);
}

/* The container's part of low memory; what is not that is its guarantee. */
static void share_memory(struct share *share, unsigned int percent)
{
	const struct split *split = share->split;
	__uint128_t low = (__uint128_t)split->host.low * LOW_PERCENT * percent / 10000;

	share->low = low / split->containers;
	share->guarantee = (share->total - share->low) / page_size();
	if (share->guarantee < MIN_GUARANTEE) {
		share->guarantee = MIN_GUARANTEE;
		share->low = share->total - MIN_GUARANTEE * page_size();
	}
}

static long share_of_threads(const struct share *share, unsigned int percent)
{
	return all_threads(&share->split->host) * percent / 100 / share->split->containers;
}

static long tcp_buffer(const struct share *share)
{
	return (share->low - share->kmem) / 3;
}

/* Does the division work out this way? */
static bool try_level(struct share *share, const struct level *level)
{
	share->level = level;
	share_memory(share, level->low);
	share->kmem = share->low / 2;
	share->average = share->kmem / level->kmem;
	if (share->low < (long)level->min_low || share->average < MIN_PROCESSES / 2)
		return false;

	share->processes = larger(share_of_threads(share, level->threads), MIN_PROCESSES);
	share->processes = larger(share->processes, 2 * share->average);
	share->processes = smaller(share->processes, share->average * level->ratio);
	return tcp_buffer(share) >= level->buffer + (long)level->segment * share->processes;
}

static void set_buffers(struct split *split, const struct share *share)
{
	long above = (long)share->level->segment * share->processes;
	long tcp = tcp_buffer(share), below = tcp - above;

	set(split, R(TCPSNDBUF), below, tcp);
	set(split, R(TCPRCVBUF), below, tcp);
	set(split, R(OTHERSOCKBUF), below / 2, below / 2 + above);
	set_both(split, R(DGRAMRCVBUF), below / 2);
}

/* The smallest buffers, for as many processes as kernel memory is left for */
static bool try_smallest(struct share *share)
{
	long buffers;

	share->level = &levels[NR_LEVELS - 1];
	share_memory(share, 200);
	share->processes = share_of_threads(share, share->level->threads);
	do {
		share->processes = larger(share->processes / 2, MIN_PROCESSES);
		share->average = share->processes / 2;
		buffers = 2 * MIN_TCP + 2 * MIN_DGRAM + 3 * MIN_SEGMENT * share->processes;
		share->kmem = share->low - buffers;
		if (share->kmem >= share->average * share->level->kmem)
			return true;
	} while (share->processes > MIN_PROCESSES);
	return false;
}

static void set_smallest_buffers(struct split *split, const struct share *share)
{
	long above = MIN_SEGMENT * share->processes;

	set(split, R(TCPSNDBUF), MIN_TCP, MIN_TCP + above);
	set(split, R(TCPRCVBUF), MIN_TCP, MIN_TCP + above);
	set(split, R(OTHERSOCKBUF), MIN_DGRAM, MIN_DGRAM + above);
	set_both(split, R(DGRAMRCVBUF), MIN_DGRAM);
}

static void set_counts(struct split *split, const struct share *share)
{
	long files = share->average * PROCESS_FILES;
	long dcache = files * share->level->dcache;

	set_both(split, R(NUMPROC), share->processes);
	set_both(split, RULE_AVNUMPROC, share->average);
	set_both(split, R(NUMTCPSOCK), share->processes);
	set_both(split, R(NUMOTHERSOCK), share->processes);
	set_both(split, R(NUMFILE), files);
	set_above(split, R(NUMFLOCK), smaller(files / 10, 1000), 10);
	set_both(split, R(NUMPTY), smaller(larger(share->processes / 10, 4), 512));
	set_both(split, R(NUMSIGINFO), share->level->siginfo);
	set_both(split, R(NUMIPTENT), smaller(larger(2000 / split->containers, 16), 200));
	set_above(split, R(KMEMSIZE), share->kmem, 10);
	set(split, R(DCACHESIZE), dcache - dcache / 34, dcache);
}

/*
 * A container may ask for more memory than it is sure to get, but not for more
 * than its share of all there is, nor one of several for most of the memory.
 */
static void set_pages(struct split *split, const struct share *share)
{
	long guarantee = share->guarantee, locked;
	long private = guarantee * share->level->private / 100;
	long most = split->host.ram / 10 * 6 / page_size();

	if (private > share->total / page_size())
		private = guarantee;
	if (split->containers > 1 && private > most) {
		private = most;
		guarantee = smaller(guarantee, most);
	}
	locked = share->kmem / 100 * share->level->locked / page_size();
	set_above(split, R(PRIVVMPAGES), private, 10);
	set_both(split, R(SHMPAGES), private / 10);
	set_both(split, R(LOCKEDPAGES), larger(locked, 4));
	set(split, R(VMGUARPAGES), guarantee, UB_MAX);
	set(split, R(OOMGUARPAGES), guarantee, UB_MAX);
	set(split, R(PHYSPAGES), 0, UB_MAX);
}

static int split_classic(struct split *split)
{
	struct share share = {
		.split = split,
		.total = (split->host.ram + split->host.swap - HOST_MEMORY) / split->containers,
	};

	for (split->level = 0; split->level < NR_LEVELS; split->level++)
		if (try_level(&share, &levels[split->level]))
			break;
	if (split->level < NR_LEVELS)
		set_buffers(split, &share);
	else if (try_smallest(&share))
		set_smallest_buffers(split, &share);
	else
		return vz_err(VZ_FAILED, "Error: there is too little memory for %u containers",
			      split->containers);
	set_counts(split, &share);
	set_pages(split, &share);
	return 0;
}

static void split_vswap(struct split *split)
{
	uint64_t ram = (split->host.ram - HOST_MEMORY) / split->containers;

	set(split, R(PHYSPAGES), 0, ram / page_size());
	set(split, R(SWAPPAGES), 0, split->host.swap / split->containers / page_size());
}

/* Of what the host can spare, each gets half of its share: the rest is for growing. */
static uint64_t share_of_disk(const struct split *split, uint64_t all, uint64_t host,
			      uint64_t least, const char *what)
{
	uint64_t spare = all / 2 < host ? all / 2 : all - host;

	if (!all)
		return least;
	if (spare / split->containers >= least)
		return spare / split->containers / 2;
	vz_log(-1, "Warning: there are too few %s for %u containers: %llu for each are not there",
	       what, split->containers, (unsigned long long)least);
	return least;
}

static void split_disk(struct split *split)
{
	uint64_t kbytes = share_of_disk(split, split->disk >> 10, HOST_DISK >> 10, MIN_DISK,
					"kilobytes of disk space");
	uint64_t inodes = share_of_disk(split, split->inodes, HOST_INODES, MIN_INODES, "inodes");

	set(split, RULE_DISKSPACE, kbytes / 11 * 10, kbytes);
	set(split, RULE_DISKINODES, inodes / 11 * 10, inodes);
}

/* Is there so much for each? most becomes how many there would be enough for. */
static bool suffices(uint64_t all, unsigned int containers, uint64_t least, unsigned long *most)
{
	uint64_t enough = all > HOST_MEMORY ? (all - HOST_MEMORY) / least : 0;

	if (enough < *most)
		*most = enough;
	return enough >= containers;
}

static bool complain(const struct finding *finding, void *arg)
{
	(void)arg;
	if (finding->level != FINDING_ADVICE)
		vz_log(-1, "Error: %s: %s", rule_key(finding->param), finding->text);
	return false;
}

int split_host(struct split *split)
{
	const struct host *host = &split->host;
	unsigned long most = ULONG_MAX;
	int ret = 0;

	split->rules = (struct ubrules){ .vswap = split->vswap, .quota = true };
	if (!suffices(host->ram + host->swap, split->containers, MIN_MEMORY, &most) |
	    !suffices(host->low, split->containers, MIN_LOW, &most))
		return vz_err(VZ_FAILED, "Error: with %llu MiB of memory and %llu MiB of swap there can be at most %lu containers",
			      (unsigned long long)(host->ram / MIB),
			      (unsigned long long)(host->swap / MIB), most);
	if (split->vswap)
		split_vswap(split);
	else
		ret = split_classic(split);
	if (ret)
		return ret;
	split_disk(split);
	return ubrules_check(&split->rules, host, complain, NULL) ? VZ_FAILED : 0;
}

static void print_param(const struct split *split, unsigned int i, FILE *out)
{
	const struct bounds *bounds = &split->rules.of[i];
	char text[64], value[64];

	if (!bounds->set)
		return;
	snprintf(text, sizeof(text), "%llu:%llu", (unsigned long long)bounds->barrier,
		 (unsigned long long)bounds->limit);
	param_parse(param_by_key(rule_key(i)), text, false, value, sizeof(value));
	fprintf(out, "%s=\"%s\"\n", rule_key(i), value);
}

int split_print(const struct split *split, FILE *out)
{
	static const char *const words[SPLIT_LEVELS] = {
		"there is room: each of these may be raised",
		"all that matters is there: buffers and counts may be raised",
		"it is getting tight: only counts may be raised",
		"there is just enough: leave these as they are",
	};

	fprintf(out, "# Made by vzsplit: one of %u that share this host evenly.\n",
		split->containers);
	fprintf(out, "# It has %llu MiB of memory, %llu MiB of swap and room for %llu threads.\n",
		(unsigned long long)(split->host.ram / MIB),
		(unsigned long long)(split->host.swap / MIB),
		(unsigned long long)all_threads(&split->host));
	if (!split->vswap)
		fprintf(out, "# Level of commitment %u, %s.\n", split->level, words[split->level]);
	fprintf(out, "ONBOOT=\"auto\"\n\n");
	for (unsigned int i = 0; i < RULE_PARAMS; i++)
		print_param(split, i, out);
	fprintf(out, "\nCPUUNITS=\"1000\"\n");
	return fflush(out) || ferror(out) ? -EIO : 0;
}
