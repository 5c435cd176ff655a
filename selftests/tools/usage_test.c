// SPDX-License-Identifier: GPL-2.0
/*
 * What the tools make of the host's files and of tables of beancounters, and
 * what they compute from these. Needs no root, no module and no container: the
 * sources of the library are compiled right in.
 */
#include "../../user/lib/conf.c"
#include "../../user/lib/files.c"
#include "../../user/lib/host.c"
#include "../../user/lib/lock.c"
#include "../../user/lib/log.c"
#include "../../user/lib/param.c"
#include "../../user/lib/ubtext.c"
#include "../../user/lib/usage.c"

#include "kselftest_harness.h"

#define RES(name)	STOCKVZ_RES_##name

TEST(memory_of_the_host)
{
	struct host host = { 0 };

	ASSERT_EQ(0, host_parse_memory(&host,
				       "MemTotal:        1000 kB\n"
				       "MemFree:          500 kB\n"
				       "SwapTotal:       2000 kB\n"
				       "SwapFree:        1000 kB\n"));
	EXPECT_EQ(1000 * 1024, host.ram);
	EXPECT_EQ(2000 * 1024, host.swap);
	EXPECT_EQ(1000 * 1024, host.low);

	ASSERT_EQ(0, host_parse_memory(&host, "LowTotal: 300 kB\nMemTotal: 900 kB"));
	EXPECT_EQ(300 * 1024, host.low);
	EXPECT_EQ(900 * 1024, host.ram);
	EXPECT_EQ(0, host.swap);

	EXPECT_EQ(-EINVAL, host_parse_memory(&host, ""));
	EXPECT_EQ(-EINVAL, host_parse_memory(&host, "MemTotal"));
	EXPECT_EQ(-EINVAL, host_parse_memory(&host, "MemTotal: none\n"));
	EXPECT_EQ(-EINVAL, host_parse_memory(&host, "MemTotal: 0 kB\n"));
	EXPECT_EQ(-EINVAL, host_parse_memory(&host, "MemTotal: 18446744073709551615 kB\n"));
	EXPECT_EQ(-EINVAL, host_parse_memory(&host, "NoMemTotal: 5 kB\n"));
}

TEST(power_of_the_host)
{
	struct host host = { 0 };

	ASSERT_EQ(0, host_parse_cpus(&host,
				     "processor\t: 0\nbogomips\t: 5000.30\nflags\t\t: bogomips: 7\n\n"
				     "processor\t: 1\nBogoMIPS\t: 4999.74\n"));
	EXPECT_EQ(250001, host_power(&host));
	EXPECT_EQ(-EINVAL, host_parse_cpus(&host, "processor\t: 0\n"));
}

FIXTURE(table)
{
	FILE *file;
	struct ub_rows rows[8];
	unsigned int nr;
	int stop;
};

FIXTURE_SETUP(table)
{
	log_quiet();
}

FIXTURE_TEARDOWN(table)
{
	if (self->file)
		fclose(self->file);
}

static int on_rows(const struct ub_rows *rows, void *arg)
{
	struct _test_data_table *self = arg;

	if (self->nr < sizeof(self->rows) / sizeof(*self->rows))
		self->rows[self->nr++] = *rows;
	return self->stop;
}

/* What reading says; nothing may be left open, or the sanitizers complain. */
#define read_text_of(text)						\
	({								\
		self->nr = 0;						\
		if (self->file)						\
			fclose(self->file);				\
		self->file = fmemopen((void *)(text), strlen(text), "r"); \
		ASSERT_NE(NULL, self->file);				\
		ub_text_read(self->file, on_rows, self);		\
	})

#define HEADER	"       uid  resource                     held              maxheld"	\
		"              barrier                limit              failcnt\n"

static const char two[] =
	"Version: 2.5\n" HEADER
	"      101:  kmemsize        1000000  1100000  1200000  1300000  3\n"
	"            lockedpages     1 2 3 4 5\n"
	"            dummy           0 0 0 0 0\n"
	"            numproc         10 20 30 9223372036854775807 0\n"
	"            frobnicate      1 1 1 1 1\n"
	"        0:  kmemsize        5 6 7 8 9\n"
	"            swappages       1 2 3 4 18446744073709551615\n";

TEST_F(table, is_read)
{
	ASSERT_EQ(0, read_text_of(two));
	ASSERT_EQ(2, self->nr);
	EXPECT_EQ(101, self->rows[0].id);
	EXPECT_EQ(1u << RES(KMEMSIZE) | 1u << RES(LOCKEDPAGES) | 1u << RES(NUMPROC),
		  self->rows[0].known);
	EXPECT_EQ(1000000, self->rows[0].res[RES(KMEMSIZE)].held);
	EXPECT_EQ(2, self->rows[0].res[RES(LOCKEDPAGES)].maxheld);
	EXPECT_EQ(30, self->rows[0].res[RES(NUMPROC)].barrier);
	EXPECT_EQ(UB_MAX, self->rows[0].res[RES(NUMPROC)].limit);
	EXPECT_EQ(3, self->rows[0].res[RES(KMEMSIZE)].failcnt);
	EXPECT_EQ(0, self->rows[1].id);
	EXPECT_EQ(1u << RES(KMEMSIZE) | 1u << RES(SWAPPAGES), self->rows[1].known);
}

TEST_F(table, is_searched)
{
	struct ub_rows rows;

	ASSERT_EQ(0, read_text_of(two));
	rewind(self->file);
	ASSERT_EQ(0, ub_text_find(self->file, 0, &rows));
	EXPECT_EQ(5, rows.res[RES(KMEMSIZE)].held);
	rewind(self->file);
	EXPECT_EQ(-ENOENT, ub_text_find(self->file, 102, &rows));
}

TEST_F(table, in_other_forms)
{
	/* One of /proc/bc/N, which says neither version nor whose */
	ASSERT_EQ(0, read_text_of("            kmemsize 1 2 3 4 5\n"));
	ASSERT_EQ(1, self->nr);
	EXPECT_EQ(-1, self->rows[0].id);
	/* As the 2.6.8 kernels set it */
	ASSERT_EQ(0, read_text_of("Version: 2.5\n       101: kmemsize 1 2 3 4 5\n"));
	ASSERT_EQ(1, self->nr);
	EXPECT_EQ(101, self->rows[0].id);
	/* None at all */
	EXPECT_EQ(0, read_text_of("Version: 2.5\n" HEADER));
	EXPECT_EQ(0, self->nr);
}

TEST_F(table, stops_when_told)
{
	self->stop = 7;
	EXPECT_EQ(7, read_text_of(two));
	EXPECT_EQ(1, self->nr);
}

TEST_F(table, that_is_none)
{
	static const char *const wrong[] = {
		"garbage\n", "101: kmemsize 1 2 3 4\n", "101: kmemsize 1 2 3 4 x\n", "101: kmemsize 1x 2 3 4 5\n",
		"101:\n",
		"101: kmemsize 1 2 3 4 18446744073709551616\n", "99999999999: kmemsize 1 2 3 4 5\n",
		"kmemsize -1 2 3 4 5\n", "x: kmemsize 1 2 3 4 5\n", "\1\2\3 4 5\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		EXPECT_EQ(-EINVAL, read_text_of(wrong[i])) {
			TH_LOG("%s", wrong[i]);
		}
	}
	EXPECT_EQ(-EPROTO, read_text_of("Version: 2.6\n"));
	EXPECT_EQ(-EPROTO, read_text_of("Version:\n"));
}

/* By hand, with pages of 4 KiB */
TEST(what_is_used_and_promised)
{
	static const struct ub_res res[UB_NR] = {
		[RES(KMEMSIZE)]		= { .held = 1000000, .barrier = 1, .limit = 2000000 },
		[RES(TCPSNDBUF)]	= { .held = 200000, .barrier = 1, .limit = 400000 },
		[RES(TCPRCVBUF)]	= { .held = 300000, .barrier = 1, .limit = 600000 },
		[RES(OTHERSOCKBUF)]	= { .held = 400000, .barrier = 1, .limit = 800000 },
		[RES(DGRAMRCVBUF)]	= { .held = 100000, .barrier = 1, .limit = 200000 },
		[RES(PHYSPAGES)]	= { .held = 1000, .barrier = 100, .limit = UB_MAX },
		[RES(OOMGUARPAGES)]	= { .held = 2000, .barrier = 500, .limit = UB_MAX },
		[RES(VMGUARPAGES)]	= { .held = 0, .barrier = 1500, .limit = UB_MAX },
		[RES(PRIVVMPAGES)]	= { .held = 3000, .barrier = 4000, .limit = 5000 },
		[RES(DCACHESIZE)]	= { .held = 9999999, .limit = 9999999 },
	};
	struct host host = { .ram = 100000000, .swap = 50000000, .low = 50000000 };
	struct ub_limits limits = limits_of(res, 0);
	struct usage held = usage_held(res), committed = usage_committed(&limits);
	struct usage whole = usage_whole(&host), sum = usage_sum(&held, &held), parts;

	ASSERT_EQ(4096, sysconf(_SC_PAGESIZE));
	EXPECT_EQ(2000000, held.low);
	EXPECT_EQ(4096000, held.ram);
	EXPECT_EQ(10192000, held.mem_swap);
	EXPECT_EQ(14288000, held.alloc);
	EXPECT_EQ(4000000, committed.low);
	EXPECT_EQ(4409600, committed.ram);
	EXPECT_EQ(6048000, committed.mem_swap);
	EXPECT_EQ(10144000, committed.alloc);
	EXPECT_EQ(24480000, committed.alloc_limit);
	EXPECT_EQ(20000000, whole.low);
	EXPECT_EQ(100000000, whole.ram);
	EXPECT_EQ(150000000, whole.mem_swap);
	EXPECT_EQ(150000000, whole.alloc);
	EXPECT_EQ(150000000, whole.alloc_limit);
	EXPECT_EQ(4000000, sum.low);
	EXPECT_EQ(8192000, sum.ram);
	EXPECT_EQ(20384000, sum.mem_swap);
	EXPECT_EQ(28576000, sum.alloc);

	whole = (struct usage){ 8000000, 8000000, 8000000, 8000000, 8000000 };
	parts = usage_parts(&committed, &whole);
	EXPECT_EQ(0.5, parts.low);
	EXPECT_EQ(0.5512, parts.ram);
	EXPECT_EQ(0.756, parts.mem_swap);
	EXPECT_EQ(1.268, parts.alloc);
	EXPECT_EQ(3.06, parts.alloc_limit);
}

/* More than any integer holds */
TEST(what_is_unlimited)
{
	struct ub_limits limits = { 0 };
	struct usage committed;

	for (unsigned int i = 0; i < UB_NR; i++) {
		limits.res[i].barrier = UB_MAX;
		limits.res[i].limit = UB_MAX;
	}
	committed = usage_committed(&limits);
	EXPECT_LT(4e19, committed.low);
	EXPECT_LT(3e22, committed.alloc_limit);
}

TEST_HARNESS_MAIN
