// SPDX-License-Identifier: GPL-2.0
/*
 * How vzubc shows beancounters, and what it remembers of them. Needs no root, no
 * module and no container: the sources of the library are compiled right in.
 */
#include <stdlib.h>
#include <sys/stat.h>

#include "../../user/lib/conf.c"
#include "../../user/lib/fd.c"
#include "../../user/lib/log.c"
#include "../../user/lib/param.c"
#include "../../user/lib/ubstore.c"
#include "../../user/lib/ubtable.c"

#include "kselftest_harness.h"

#define RES(name)	STOCKVZ_RES_##name

TEST(numbers_in_short)
{
	static const struct {
		unsigned int res;
		uint64_t value;
		const char *text;
	} cases[] = {
		{ RES(NUMPROC), 0, "- " },
		{ RES(NUMPROC), 240, "240 " },
		{ RES(NUMPROC), 5, "5 " },
		{ RES(NUMPROC), INT_MAX, "- " },
		{ RES(NUMPROC), UB_MAX, "- " },
		{ RES(NUMPROC), UB_MAX - 1, "8E" },
		{ RES(KMEMSIZE), 1023, "1023 " },
		{ RES(KMEMSIZE), 1024, "1K" },
		{ RES(KMEMSIZE), 14372700, "13.7M" },
		{ RES(KMEMSIZE), 1023 * 1024, "1023K" },
		{ RES(LOCKEDPAGES), 1, "4K" },
		{ RES(SWAPPAGES), 2048, "8M" },
		{ RES(PRIVVMPAGES), UB_MAX - 1, "32Z" },
		{ NO_RES, 12, "12 " },
	};
	char buf[UBTABLE_TEXT];

	ASSERT_EQ(4096, sysconf(_SC_PAGESIZE));
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		EXPECT_STREQ(cases[i].text, ubtable_number(buf, cases[i].res, cases[i].value));
}

TEST(percent)
{
	static const struct {
		uint64_t value, of;
		const char *text;
	} cases[] = {
		{ 0, 100, "- " }, { 1, 0, "- " }, { 5, UB_MAX, "- " }, { 5, INT_MAX, "- " },
		{ 1, 2000, "- " }, { 1, 1000, "0.1%" }, { 9, 1000, "0.9%" }, { 19, 1000, "1%" },
		{ 95, 1000, "9%" }, { 999, 1000, "99%" }, { 1000, 1000, "100%" },
		{ 5, 2, "250%" }, { UB_MAX, 1, "2147483647%" },
	};
	char buf[UBTABLE_TEXT];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		EXPECT_STREQ(cases[i].text, ubtable_percent(buf, cases[i].value, cases[i].of));
}

TEST(what_matters)
{
	static const struct ubtable table = { .near_held = 0.5, .near_maxheld = 0.8 };
	static const struct {
		struct ub_res res;	/* held, maxheld, barrier, limit, failcnt */
		enum ubtable_weight weight;
	} cases[] = {
		{ { 49, 79, 100, 200, 0 }, WEIGHT_NONE },
		{ { 50, 79, 100, 200, 0 }, WEIGHT_NEAR },
		{ { 49, 80, 100, 200, 0 }, WEIGHT_NEAR },
		{ { 100, 100, 100, 200, 0 }, WEIGHT_NEAR },
		{ { 101, 101, 100, 200, 0 }, WEIGHT_FAILED },
		{ { 0, 0, 100, 200, 1 }, WEIGHT_FAILED },
		{ { 0, 0, UB_MAX, UB_MAX, 1 }, WEIGHT_FAILED },
		{ { 99, 99, 0, 200, 0 }, WEIGHT_NONE },
		{ { 100, 100, 0, 200, 0 }, WEIGHT_NEAR },
		{ { 5, 5, 0, UB_MAX, 0 }, WEIGHT_NONE },
		{ { UB_MAX, UB_MAX, UB_MAX, UB_MAX, 0 }, WEIGHT_NONE },
		{ { 0, 0, 0, 0, 0 }, WEIGHT_NONE },
		{ { 1, 1, 0, 0, 0 }, WEIGHT_FAILED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		EXPECT_EQ(cases[i].weight, ubtable_weight(&table, &cases[i].res)) {
			TH_LOG("case %zu", i);
		}
	}
}

FIXTURE(shown)
{
	struct ubtable table;
	struct ub_rows rows;
	char dir[32];
	char *text;
};

FIXTURE_SETUP(shown)
{
	log_quiet();
	self->table.near_held = 0.5;
	self->table.near_maxheld = 0.8;
	self->table.store = -1;
	strcpy(self->dir, "/tmp/ubtable_test.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	self->rows = (struct ub_rows){
		.id = 101,
		.known = 1u << RES(KMEMSIZE) | 1u << RES(NUMPROC) | 1u << RES(NUMFILE),
		.res = {
			[RES(KMEMSIZE)] = { 7186350, 7500000, 14372700, 14790164, 0 },
			[RES(NUMPROC)] = { 10, 12, UB_MAX, UB_MAX, 0 },
			[RES(NUMFILE)] = { 100, 200, 9312, 9312, 0 },
		},
	};
}

FIXTURE_TEARDOWN(shown)
{
	char command[64];

	free(self->text);
	if (self->table.store >= 0)
		close(self->table.store);
	snprintf(command, sizeof(command), "rm -rf %s", self->dir);
	EXPECT_EQ(0, system(command));
}

static const char *print(struct __test_metadata *_metadata, struct _test_data_shown *self,
			 int want)
{
	size_t size;
	FILE *out;

	free(self->text);
	self->text = NULL;
	out = open_memstream(&self->text, &size);
	ASSERT_NE(NULL, out);
	self->table.printed = false;
	EXPECT_EQ(want, ubtable_print(&self->table, &self->rows, out));
	ubtable_end(&self->table, out);
	fclose(out);
	return self->text;
}

#define printed()	print(_metadata, self, 0)

#define DASHES	"----------------------------------------------------------------"
#define HEAD	DASHES "\n"							\
	"CT 101       | HELD Bar% Lim%| MAXH Bar% Lim%| BAR | LIM | FAIL\n"	\
	"-------------+---------------+---------------+-----+-----+------\n"
#define END	"\040\n"
#define KMEM	"     kmemsize|6.85M  50%  48%|7.15M  52%  50%|13.7M|14.1M|    -" END
#define PROC	"      numproc|  10    -    - |  12    -    - |   - |   - |    -" END
#define FILES	"      numfile| 100    1%   1%| 200    2%   2%|9.09K|9.09K|    -" END

TEST_F(shown, as_a_table)
{
	EXPECT_STREQ(HEAD KMEM FILES DASHES "\n", printed());
	self->table.verbose = true;
	EXPECT_STREQ(HEAD KMEM PROC FILES DASHES "\n", printed());
}

TEST_F(shown, only_what_matters)
{
	self->table.quiet = true;
	EXPECT_STREQ(HEAD KMEM DASHES "\n", printed());
	self->rows.res[RES(KMEMSIZE)].held--;
	EXPECT_STREQ("", printed());
	self->rows.res[RES(NUMPROC)].failcnt = 3;
	EXPECT_NE(NULL, strstr(printed(), "|   - |   - |    3" END));
}

TEST_F(shown, in_color)
{
	self->table.color = true;
	EXPECT_NE(NULL, strstr(printed(), "\033[1;33m     kmemsize"));
	EXPECT_NE(NULL, strstr(printed(), "\n      numfile"));
	self->rows.res[RES(KMEMSIZE)].failcnt = 1;
	EXPECT_NE(NULL, strstr(printed(), "\033[1;31m     kmemsize"));
}

#define failed_in(text)	(strtol(strrchr(strstr(text, "numfile"), '|') + 1, NULL, 10))

TEST_F(shown, against_the_last_time)
{
	struct ub_res *res = &self->rows.res[RES(NUMFILE)];
	uint64_t held;

	self->table.store = store_open(self->dir);
	ASSERT_LE(0, self->table.store);
	self->table.failed_since = true;
	self->table.held_since = true;
	res->failcnt = 7;
	EXPECT_EQ(7, failed_in(printed()));
	EXPECT_EQ(0, failed_in(printed()));
	res->failcnt = 9;
	res->held = 40;
	EXPECT_EQ(2, failed_in(printed()));
	EXPECT_EQ(NULL, strstr(self->text, "+60"));
	EXPECT_NE(NULL, strstr(self->text, "      numfile|  40    -60  0.4% 0.4%|"));
	/* Another one of the same number */
	res->failcnt = 4;
	res->held = 3 << 20;
	EXPECT_EQ(4, failed_in(printed()));
	EXPECT_NE(NULL, strstr(self->text, "      numfile|   3M    +3M "));
	/* What has changed matters */
	self->table.quiet = true;
	self->rows.res[RES(NUMPROC)].held++;
	EXPECT_NE(NULL, strstr(printed(), "      numproc|  11     +1 "));
	EXPECT_EQ(NULL, strstr(printed(), "numproc"));

	EXPECT_EQ(0, store_clear(self->table.store, "failcnt"));
	EXPECT_EQ(0, store_get(self->table.store, 101, "numfile", "held", &held));
	EXPECT_EQ(3 << 20, held);
	EXPECT_EQ(4, failed_in(printed()));
	EXPECT_EQ(0, store_clear(self->table.store, "held"));
	EXPECT_EQ(-ENOENT, store_get(self->table.store, 101, "numfile", "held", &held));
	self->rows.id = -1;
	EXPECT_STREQ("", print(_metadata, self, VZ_FAILED));
}

TEST_F(shown, a_store_of_others_is_not_used)
{
	char path[64], target[] = "/tmp";
	int fd;

	snprintf(path, sizeof(path), "%s/new", self->dir);
	fd = store_open(path);
	ASSERT_LE(0, fd);
	close(fd);
	ASSERT_EQ(0, chmod(path, 0720));
	EXPECT_EQ(-EPERM, store_open(path));
	ASSERT_EQ(0, chmod(path, 0702));
	EXPECT_EQ(-EPERM, store_open(path));
	if (!geteuid()) {
		ASSERT_EQ(0, chmod(path, 0700));
		ASSERT_EQ(0, chown(path, 65534, 65534));
		EXPECT_EQ(-EPERM, store_open(path));
	}
	snprintf(path, sizeof(path), "%s/link", self->dir);
	ASSERT_EQ(0, symlink(target, path));
	EXPECT_EQ(-ENOTDIR, store_open(path));
	EXPECT_EQ(-ENOENT, store_open("/nonexistent/store"));
}

/* A link in the place of a file leads nowhere. */
TEST_F(shown, a_link_is_not_written_through)
{
	char target[64], link[64];
	uint64_t value;
	int dir = store_open(self->dir);

	ASSERT_LE(0, dir);
	snprintf(target, sizeof(target), "%s/target", self->dir);
	snprintf(link, sizeof(link), "%s/ubc.101.numproc.held", self->dir);
	ASSERT_EQ(0, symlink(target, link));
	EXPECT_EQ(-ELOOP, store_put(dir, 101, "numproc", "held", 5));
	EXPECT_NE(0, access(target, F_OK));
	unlink(link);
	EXPECT_EQ(0, store_put(dir, 101, "numproc", "held", UB_MAX));
	ASSERT_EQ(0, store_get(dir, 101, "numproc", "held", &value));
	EXPECT_EQ(UB_MAX, value);
	EXPECT_EQ(-ENOENT, store_get(dir, 101, "numproc", "failcnt", &value));
	close(dir);
}

TEST_HARNESS_MAIN
