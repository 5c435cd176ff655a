// SPDX-License-Identifier: GPL-2.0
/*
 * What the tools make of values and of configuration files. Needs no root, no
 * module and no container: the sources of the library are compiled right in.
 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../user/lib/conf.c"
#include "../../user/lib/ct.c"
#include "../../user/lib/log.c"
#include "../../user/lib/param.c"

#include "kselftest_harness.h"

#define LONG_MAX_TEXT	"9223372036854775807"

struct value {
	const char *opt;
	const char *text;
	int ret;
	const char *kept;	/* how it is saved, when it is right */
};

static const struct value values[] = {
	/* Things are counted: no suffix, no fraction */
	{ "numproc", "100", 0, "100" },
	{ "numproc", "100:120", 0, "100:120" },
	{ "numproc", "120:100", 0, "120:100" },
	{ "numproc", "unlimited", 0, "unlimited" },
	{ "numproc", "0:UNLIMITED", 0, "0:unlimited" },
	{ "numproc", LONG_MAX_TEXT, 0, "unlimited" },
	{ "numproc", "9223372036854775808", -ERANGE, NULL },
	{ "numproc", "99999999999999999999999", -ERANGE, NULL },
	{ "numproc", "10K", -EINVAL, NULL },
	{ "numproc", "1.5", -EINVAL, NULL },
	{ "numproc", "", -EINVAL, NULL },
	{ "numproc", ":", -EINVAL, NULL },
	{ "numproc", "1:", -EINVAL, NULL },
	{ "numproc", ":1", -EINVAL, NULL },
	{ "numproc", "1:2:3", -EINVAL, NULL },
	{ "numproc", "-1", -EINVAL, NULL },
	{ "numproc", "+1", -EINVAL, NULL },
	{ "numproc", "1 ", -EINVAL, NULL },
	{ "numproc", " 1", -EINVAL, NULL },
	{ "numproc", "0x10", -EINVAL, NULL },
	{ "numproc", "unlimitedly", -EINVAL, NULL },
	{ "numfile", "1024:unlimited", 0, "1024:unlimited" },

	/* Bytes */
	{ "kmemsize", "14372700:14790164", 0, "14372700:14790164" },
	{ "kmemsize", "2.5G", 0, "2684354560" },
	{ "kmemsize", "1m:1M", 0, "1048576" },
	{ "kmemsize", "7b", 0, "7" },
	{ "kmemsize", "1T", 0, "1099511627776" },
	{ "kmemsize", "0.5K", 0, "512" },
	{ "kmemsize", ".5K", -EINVAL, NULL },
	{ "kmemsize", "1.K", -EINVAL, NULL },
	{ "kmemsize", "1KB", -EINVAL, NULL },
	{ "kmemsize", "9000000T", -ERANGE, NULL },

	/* Pages: a bare number is pages, anything else is an amount of memory */
	{ "lockedpages", "2048", 0, "2048" },
	{ "lockedpages", "8P", 0, "8" },
	{ "lockedpages", "99999999999999999999T", -ERANGE, NULL },
	{ "lockedpages", LONG_MAX_TEXT, 0, "unlimited" },

	/* Two plain numbers, always: there are programs that read nothing else */
	{ "privvmpages", "unlimited", 0, LONG_MAX_TEXT ":" LONG_MAX_TEXT },
	{ "privvmpages", "100", 0, "100:100" },
	{ "vmguarpages", "6144:" LONG_MAX_TEXT, 0, "6144:" LONG_MAX_TEXT },
	{ "diskspace", "2G:2.2G", 0, "2097152:2306867" },
	{ "diskspace", "1048576", 0, "1048576:1048576" },
	{ "diskinodes", "200000:220000", 0, "200000:220000" },
	{ "diskinodes", "1K", -EINVAL, NULL },

	/* vSwap: limits without a barrier */
	{ "swap", "unlimited", 0, "0:unlimited" },
	{ "swap", "0", 0, "0:0" },

	{ "cpuunits", "1000", 0, "1000" },
	{ "cpuunits", "7", -EINVAL, NULL },
	{ "cpuunits", "500001", -EINVAL, NULL },
	{ "cpulimit", "50", 0, "50" },
	{ "cpulimit", "101%", -EINVAL, NULL },
	{ "cpulimit", "x", -EINVAL, NULL },
	{ "cpulimit", "0", 0, "0" },
	{ "cpulimit", "12.5", 0, "12.50" },
	{ "cpulimit", "0.1", 0, "0.10" },
	{ "cpulimit", "0.09", -EINVAL, NULL },
	{ "cpulimit", "12.555", -EINVAL, NULL },
	{ "cpulimit", "12.", -EINVAL, NULL },
	{ "cpulimit", "999999", -ERANGE, NULL },
	{ "cpus", "4096", 0, "4096" },
	{ "cpus", "4097", -EINVAL, NULL },
	{ "cpumask", "0-3,5", 0, "0-3,5" },
	{ "cpumask", "all", 0, "all" },
	{ "cpumask", "auto", 0, "auto" },
	{ "cpumask", "3-1", -EINVAL, NULL },
	{ "cpumask", "1,", -EINVAL, NULL },
	{ "cpumask", "", -EINVAL, NULL },
	{ "cpumask", "1;2", -EINVAL, NULL },
	{ "nodemask", "0", 0, "0" },
	{ "nodemask", "auto", -EINVAL, NULL },
	{ "ioprio", "7", 0, "7" },
	{ "ioprio", "8", -EINVAL, NULL },
	{ "iolimit", "10", 0, "10485760" },
	{ "iolimit", "10K", 0, "10240" },
	{ "iolimit", "unlimited", 0, "0" },
	{ "iolimit", "3G", -ERANGE, NULL },
	{ "iolimit", "0", 0, "0" },
	{ "iolimit", "1b", -EINVAL, NULL },
	{ "iolimit", "1T", -EINVAL, NULL },
	{ "iolimit", "fast", -EINVAL, NULL },
	{ "iopslimit", "500", 0, "500" },
	{ "iopslimit", "0", 0, "0" },
	{ "iopslimit", "unlimited", 0, "0" },
	{ "iopslimit", "1", -EINVAL, NULL },
	{ "iopslimit", "10K", -EINVAL, NULL },
	{ "iopslimit", "2147483648", -ERANGE, NULL },
	{ "stop-timeout", "0", 0, "0" },
	{ "vm_overcommit", "1.5", 0, "1.5" },
	{ "vm_overcommit", "1.5.1", -EINVAL, NULL },
	{ "vm_overcommit", "-1", -EINVAL, NULL },
	{ "memguarantee", "auto", 0, "auto" },
	{ "memguarantee", "0", 0, "0" },
	{ "memguarantee", "100%", 0, "100" },
	{ "memguarantee", "101", -EINVAL, NULL },
	{ "memguarantee", "1.5", -EINVAL, NULL },
	{ "memguarantee", "", -EINVAL, NULL },

	{ "capability", "sys_time:on,Net_Admin:OFF", 0, "SYS_TIME:on NET_ADMIN:off" },
	{ "capability", "VE_ADMIN:on", 0, "VE_ADMIN:on" },
	{ "capability", "CAP_CHOWN:on", -EINVAL, NULL },
	{ "capability", "chown", -EINVAL, NULL },
	{ "capability", "chown:", -EINVAL, NULL },
	{ "capability", "chown:maybe", -EINVAL, NULL },
	{ "capability", "chown:on:off", -EINVAL, NULL },
	{ "capability", "", -EINVAL, NULL },
	{ "features", "NFS:on, ppp:off", 0, "nfs:on ppp:off" },
	{ "features", "fuse:on", -EINVAL, NULL },

	{ "onboot", "yes", 0, "yes" },
	{ "onboot", "auto", 0, "auto" },
	{ "onboot", "maybe", -EINVAL, NULL },
	{ "disabled", "auto", -EINVAL, NULL },
	{ "hostname", "web-1.example.com", 0, "web-1.example.com" },
	{ "hostname", "-web", -EINVAL, NULL },
	{ "hostname", "web;reboot", -EINVAL, NULL },
	{ "name", "my box_1.2+3", 0, "my box_1.2+3" },
	{ "name", "", 0, "" },
	{ "name", "101", -EINVAL, NULL },
	{ "name", "..", -EINVAL, NULL },
	{ "name", "a/b", -EINVAL, NULL },
	{ "ostemplate", "debian-12-x86_64", 0, "debian-12-x86_64" },
	{ "ostemplate", "../../etc/passwd", -EINVAL, NULL },
	{ "ostemplate", "-rf", -EINVAL, NULL },
	{ "private", "/vz/private/$VEID", 0, "/vz/private/$VEID" },
	{ "private", "vz", -EINVAL, NULL },
	{ "description", "first line\nONBOOT=yes", -EINVAL, NULL },
	{ "ipadd", "10.0.0.1", 0, "10.0.0.1" },
	{ "ipadd", "fe80::1/64", 0, "fe80::1/64" },
	{ "ipadd", "10.0.0", -EINVAL, NULL },
	{ "ipadd", "10.0.0.1/", -EINVAL, NULL },
};

TEST(values_are_kept_or_refused)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		const struct value *v = &values[i];
		const struct param *param = param_by_opt(v->opt);
		char out[PATH_MAX] = "";

		ASSERT_NE(NULL, param);
		EXPECT_EQ(v->ret, param_parse(param, v->text, true, out, sizeof(out))) {
			TH_LOG("--%s %s", v->opt, v->text);
		}
		if (!v->ret)
			EXPECT_STREQ(v->kept, out);
	}
}

/* Every resource in every form: what it is in the resource's own unit. */
TEST(limits_of_every_resource)
{
	static const struct {
		const char *text;
		uint64_t barrier, limit;
		uint64_t unit;		/* of the suffix; 0 for none */
	} forms[] = {
		{ "5", 5, 5, 0 },
		{ "5:6", 5, 6, 0 },
		{ "6:5", 6, 5, 0 },
		{ "unlimited", UB_MAX, UB_MAX, 0 },
		{ "0:unlimited", 0, UB_MAX, 0 },
		{ "unlimited:3", UB_MAX, 3, 0 },
		{ LONG_MAX_TEXT, UB_MAX, UB_MAX, 0 },
		{ "16384b:32768B", 16384, 32768, 1 },
		{ "64k:1K", 64, 1, 1 << 10 },
		{ "3M", 3, 3, 1 << 20 },
		{ "2g", 2, 2, 1 << 30 },
		{ "1T", 1, 1, 1UL << 40 },
		{ "7P:8p", 7, 8, 4096 },
	};

	for (const struct param *p = params; p->key; p++) {
		bool counted = p->type == PARAM_ITEMS;

		if (param_resource(p) < 0 || p->type == PARAM_RAM)
			continue;
		for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
			uint64_t unit = forms[i].unit ?: 1, barrier, limit;
			uint64_t own = p->type == PARAM_PAGES && forms[i].unit ? 4096 : 1;
			int ret = param_parse_pair(p->type, forms[i].text, &barrier, &limit);

			EXPECT_EQ(counted && forms[i].unit ? -EINVAL : 0, ret) {
				TH_LOG("--%s %s", p->opt, forms[i].text);
			}
			if (ret)
				continue;
			EXPECT_EQ(forms[i].barrier * unit / own, barrier) {
				TH_LOG("--%s %s", p->opt, forms[i].text);
			}
			EXPECT_EQ(forms[i].limit * unit / own, limit) {
				TH_LOG("--%s %s", p->opt, forms[i].text);
			}
		}
	}
}

TEST(pages_of_an_amount)
{
	uint64_t page = sysconf(_SC_PAGESIZE), barrier, limit;

	ASSERT_EQ(0, param_parse_pair(PARAM_PAGES, "256M:1G", &barrier, &limit));
	EXPECT_EQ((256 << 20) / page, barrier);
	EXPECT_EQ((1 << 30) / page, limit);
}

TEST(ram_is_rounded_up_to_pages)
{
	char out[64];

	ASSERT_EQ(0, param_parse(param_by_opt("ram"), "1", true, out, sizeof(out)));
	EXPECT_STREQ("0:1", out);
}

/* vSwap: what follows from RAM and swap, unless it is set. */
FIXTURE(vswap)
{
	struct ct ct;
	struct conf changes;
	struct ub_limits limits;
};

FIXTURE_SETUP(vswap)
{
	self->ct.id = 101;
	log_quiet();
	ASSERT_EQ(0, conf_set(&self->ct.conf, "PHYSPAGES", "0:1000"));
	ASSERT_EQ(0, conf_set(&self->ct.conf, "SWAPPAGES", "0:500"));
	ASSERT_EQ(0, conf_set(&self->ct.conf, "NUMPROC", "77"));
	ASSERT_EQ(0, ct_refresh(&self->ct));
}

FIXTURE_TEARDOWN(vswap)
{
	conf_free(&self->ct.conf);
	conf_free(&self->changes);
}

#define CHANGE(key, value)						\
	ASSERT_EQ(0, conf_set(&self->changes, key, value))
#define CHANGED()							\
	ASSERT_EQ(0, ct_changed_limits(&self->ct, &self->changes, &self->limits))
#define HAS(RES)	(!!(self->limits.set & (1u << STOCKVZ_RES_##RES)))
#define EXPECT_LIMIT(limits_, RES, b, l) do {				\
	EXPECT_EQ((uint64_t)(b), (limits_).res[STOCKVZ_RES_##RES].barrier);	\
	EXPECT_EQ((uint64_t)(l), (limits_).res[STOCKVZ_RES_##RES].limit);	\
} while (0)

TEST_F(vswap, what_follows)
{
	EXPECT_TRUE(ct_vswap(&self->ct));
	EXPECT_EQ(0, ct_check(&self->ct));
	EXPECT_LIMIT(self->ct.limits, LOCKEDPAGES, 1000, 1000);
	EXPECT_LIMIT(self->ct.limits, OOMGUARPAGES, 1000, UB_MAX);
	EXPECT_LIMIT(self->ct.limits, VMGUARPAGES, 1500, UB_MAX);
	EXPECT_LIMIT(self->ct.limits, PRIVVMPAGES, UB_MAX, UB_MAX);
	EXPECT_LIMIT(self->ct.limits, NUMPROC, 77, 77);
	EXPECT_LIMIT(self->ct.limits, NUMFILE, UB_MAX, UB_MAX);
}

TEST_F(vswap, what_makes_it_one)
{
	static const char *const others[] = {
		"unlimited", "0:" LONG_MAX_TEXT, "0:2147483647", NULL
	};

	for (const char *const *text = others; *text; text++) {
		ASSERT_EQ(0, conf_set(&self->ct.conf, "PHYSPAGES", *text));
		ASSERT_EQ(0, ct_refresh(&self->ct));
		EXPECT_FALSE(ct_vswap(&self->ct));
		EXPECT_EQ(0, self->ct.derived);
	}
}

TEST_F(vswap, more_ram)
{
	CHANGE("PHYSPAGES", "0:2000");
	CHANGED();
	EXPECT_TRUE(HAS(PHYSPAGES) && HAS(LOCKEDPAGES) && HAS(OOMGUARPAGES) &&
		    HAS(VMGUARPAGES) && HAS(PRIVVMPAGES));
	EXPECT_FALSE(HAS(SWAPPAGES) || HAS(NUMPROC) || HAS(NUMFILE));
	EXPECT_LIMIT(self->limits, LOCKEDPAGES, 2000, 2000);
	EXPECT_LIMIT(self->limits, VMGUARPAGES, 2500, UB_MAX);
	/* The configuration itself is as it was. */
	EXPECT_LIMIT(self->ct.limits, LOCKEDPAGES, 1000, 1000);
}

TEST_F(vswap, what_is_set_does_not_follow)
{
	ASSERT_EQ(0, conf_set(&self->ct.conf, "LOCKEDPAGES", "5"));
	ASSERT_EQ(0, ct_refresh(&self->ct));
	CHANGE("SWAPPAGES", "0:3000");
	CHANGE("VMGUARPAGES", "9:9");
	CHANGED();
	EXPECT_FALSE(HAS(LOCKEDPAGES));
	EXPECT_LIMIT(self->limits, VMGUARPAGES, 9, 9);
	EXPECT_TRUE(HAS(OOMGUARPAGES) && HAS(SWAPPAGES) && HAS(VMGUARPAGES));
}

TEST_F(vswap, overcommit_and_guarantee)
{
	CHANGE("VM_OVERCOMMIT", "1.5");
	CHANGE("MEMGUARANTEE", "40");
	CHANGED();
	EXPECT_LIMIT(self->limits, PRIVVMPAGES, 2250, 2250);
	EXPECT_LIMIT(self->limits, VMGUARPAGES, 400, UB_MAX);
	CHANGE("VM_OVERCOMMIT", "0");
	CHANGE("MEMGUARANTEE", "auto");
	CHANGED();
	EXPECT_LIMIT(self->limits, PRIVVMPAGES, UB_MAX, UB_MAX);
	EXPECT_LIMIT(self->limits, VMGUARPAGES, 1500, UB_MAX);
}

TEST_F(vswap, nothing_follows_from_the_rest)
{
	CHANGE("NUMPROC", "5:6");
	CHANGE("NUMIPTENT", "1");
	CHANGE("HOSTNAME", "box");
	CHANGED();
	EXPECT_EQ(1u << STOCKVZ_RES_NUMPROC | 1u << STOCKVZ_RES_NUMIPTENT, self->limits.set);
	EXPECT_LIMIT(self->limits, NUMPROC, 5, 6);
	/* As at a start: fewer would hold no table. */
	EXPECT_LIMIT(self->limits, NUMIPTENT, 16, 16);
}

TEST(every_resource_has_a_parameter)
{
	uint32_t found = 0;

	for (const struct param *p = params; p->key; p++)
		if (param_resource(p) >= 0)
			found |= 1u << param_resource(p);
	for (unsigned int i = 0; i < UB_NR; i++)
		EXPECT_EQ(!strcmp(ub_name(i), "dummy"), !(found & (1u << i)));
}

FIXTURE(file)
{
	char dir[32];
	char path[64];
	struct conf conf;
	struct conf changes;
	char *text;
};

FIXTURE_SETUP(file)
{
	strcpy(self->dir, "/tmp/conf_test.XXXXXX");
	ASSERT_NE(NULL, mkdtemp(self->dir));
	snprintf(self->path, sizeof(self->path), "%s/101.conf", self->dir);
	log_quiet();
}

FIXTURE_TEARDOWN(file)
{
	char command[64];

	conf_free(&self->conf);
	conf_free(&self->changes);
	free(self->text);
	snprintf(command, sizeof(command), "rm -rf %s", self->dir);
	EXPECT_EQ(0, system(command));
}

static void write_file(struct __test_metadata *_metadata, const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	ASSERT_NE(NULL, file);
	ASSERT_LE(0, fputs(text, file));
	ASSERT_EQ(0, fclose(file));
}

/* For the fixture's teardown to free */
static const char *read_file(struct __test_metadata *_metadata, const char *path, char **text)
{
	FILE *file = fopen(path, "re");
	size_t size = 0;

	ASSERT_NE(NULL, file);
	ASSERT_LT(0, getdelim(text, &size, '\0', file));
	fclose(file);
	return *text;
}

#define file_text()	read_file(_metadata, self->path, &self->text)

TEST_F(file, forms_of_lines)
{
	write_file(_metadata, self->path,
		   "# comment\n"
		   "\n"
		   "  INDENTED=value\n"
		   "BARE=some words \t\n"
		   "QUOTED=\"some words \"\n"
		   "BEHIND=\"value\" # not the value\n"
		   "INNER=\"say \\\"yes\\\" for \\$5\"\n"
		   "OPEN=\"no end\n"
		   "EMPTY=\"\"\n"
		   "NONE=\n"
		   "no assignment\n"
		   "=no key\n"
		   "LAST=here");
	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	EXPECT_STREQ("value", conf_get(&self->conf, "INDENTED"));
	EXPECT_STREQ("some words", conf_get(&self->conf, "BARE"));
	EXPECT_STREQ("some words ", conf_get(&self->conf, "QUOTED"));
	EXPECT_STREQ("value", conf_get(&self->conf, "BEHIND"));
	EXPECT_STREQ("say \"yes\" for $5", conf_get(&self->conf, "INNER"));
	EXPECT_STREQ("no end", conf_get(&self->conf, "OPEN"));
	EXPECT_STREQ("", conf_get(&self->conf, "EMPTY"));
	EXPECT_STREQ("", conf_get(&self->conf, "NONE"));
	EXPECT_STREQ("here", conf_get(&self->conf, "LAST"));
	EXPECT_EQ(NULL, conf_get(&self->conf, "empty"));
}

TEST_F(file, what_is_set_twice)
{
	write_file(_metadata, self->path,
		   "ONBOOT=\"yes\"\nONBOOT=\"no\"\n"
		   "NUMPROC=\"1\"\nNUMPROC=\"2\"\n"
		   "NAMESERVER=\"10.0.0.1\"\nNAMESERVER=\"10.0.0.2\"\n");
	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	EXPECT_STREQ("yes", conf_get(&self->conf, "ONBOOT"));
	EXPECT_STREQ("2", conf_get(&self->conf, "NUMPROC"));
	EXPECT_STREQ("10.0.0.1 10.0.0.2", conf_get(&self->conf, "NAMESERVER"));
}

TEST_F(file, old_names)
{
	write_file(_metadata, self->path, "DCACHE=\"1:2\"\nIPTENTRIES=\"128\"\n");
	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	EXPECT_STREQ("1:2", conf_get(&self->conf, "DCACHESIZE"));
	EXPECT_STREQ("128", conf_get(&self->conf, "NUMIPTENT"));
	ASSERT_EQ(0, conf_set(&self->changes, "DCACHESIZE", "3:4"));
	EXPECT_EQ(1, conf_save(self->path, &self->changes));
	EXPECT_STREQ("DCACHESIZE=\"3:4\"\nIPTENTRIES=\"128\"\n", file_text());
}

TEST_F(file, the_later_file_overrides)
{
	write_file(_metadata, self->path, "ONBOOT=\"no\"\nVE_ROOT=\"/a/$VEID\"\n");
	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	write_file(_metadata, self->path, "ONBOOT=\"yes\"\n");
	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	EXPECT_STREQ("yes", conf_get(&self->conf, "ONBOOT"));
	EXPECT_STREQ("/a/$VEID", conf_get(&self->conf, "VE_ROOT"));
}

TEST_F(file, no_file_and_no_text)
{
	FILE *file;

	EXPECT_EQ(-ENOENT, conf_read(&self->conf, self->path));
	file = fopen(self->path, "we");
	ASSERT_NE(NULL, file);
	fwrite("A=1\n\0\1\2\n", 8, 1, file);
	fclose(file);
	EXPECT_EQ(-EINVAL, conf_read(&self->conf, self->path));
	ASSERT_EQ(0, conf_set(&self->changes, "A", "2"));
	EXPECT_EQ(-EINVAL, conf_save(self->path, &self->changes));
}

TEST_F(file, save_leaves_the_rest_alone)
{
	write_file(_metadata, self->path,
		   "# first\n"
		   "#UUID: 1b671a64-40d5-491e-99b0-da01ff1f3341\n"
		   "ONBOOT=\"no\"\n"
		   "FOREIGN='of another program'\n"
		   "  # NUMPROC=\"5\"\n"
		   "NUMPROC=5\n"
		   "nonsense\n");
	ASSERT_EQ(0, conf_set(&self->changes, "NUMPROC", "10:20"));
	ASSERT_EQ(0, conf_set(&self->changes, "HOSTNAME", "box"));
	ASSERT_EQ(1, conf_save(self->path, &self->changes));
	EXPECT_STREQ("# first\n"
		     "#UUID: 1b671a64-40d5-491e-99b0-da01ff1f3341\n"
		     "ONBOOT=\"no\"\n"
		     "FOREIGN='of another program'\n"
		     "  # NUMPROC=\"5\"\n"
		     "NUMPROC=\"10:20\"\n"
		     "nonsense\n"
		     "HOSTNAME=\"box\"\n", file_text());
}

TEST_F(file, save_says_what_it_did)
{
	struct stat before, after;

	write_file(_metadata, self->path, "A=\"1\"\n");
	ASSERT_EQ(0, chmod(self->path, 0600));
	ASSERT_EQ(0, stat(self->path, &before));
	ASSERT_EQ(0, conf_set(&self->changes, "A", "1"));
	EXPECT_EQ(0, conf_save(self->path, &self->changes));
	ASSERT_EQ(0, stat(self->path, &after));
	EXPECT_EQ(before.st_ino, after.st_ino);

	ASSERT_EQ(0, conf_set(&self->changes, "A", "2"));
	EXPECT_EQ(1, conf_save(self->path, &self->changes));
	ASSERT_EQ(0, stat(self->path, &after));
	EXPECT_EQ(0600, after.st_mode & 07777);
}

TEST_F(file, save_keeps_no_key_twice)
{
	write_file(_metadata, self->path, "NUMPROC=\"1\"\nA=\"2\"\nNUMPROC=\"3\"\n");
	ASSERT_EQ(0, conf_set(&self->changes, "NUMPROC", "3"));
	EXPECT_EQ(1, conf_save(self->path, &self->changes));
	EXPECT_STREQ("NUMPROC=\"3\"\nA=\"2\"\n", file_text());
}

TEST_F(file, save_removes)
{
	write_file(_metadata, self->path, "A=\"1\"\nNAME=\"x\"\n");
	ASSERT_EQ(0, conf_set(&self->changes, "NAME", NULL));
	EXPECT_EQ(1, conf_save(self->path, &self->changes));
	EXPECT_STREQ("A=\"1\"\n", file_text());
}

/* Whatever a value holds, a shell that sources the file reads it and runs nothing. */
TEST_F(file, a_value_is_no_program)
{
	static const char nasty[] = "`id` $(id) \"quoted\" back\\slash $VEID";
	char command[128], out[128] = "";
	FILE *shell;

	ASSERT_EQ(0, conf_set(&self->changes, "DESCRIPTION", nasty));
	ASSERT_EQ(0, conf_set(&self->changes, "VE_ROOT", "/vz/root/$VEID"));
	ASSERT_EQ(1, conf_save(self->path, &self->changes));

	ASSERT_EQ(0, conf_read(&self->conf, self->path));
	EXPECT_STREQ(nasty, conf_get(&self->conf, "DESCRIPTION"));
	EXPECT_STREQ("/vz/root/$VEID", conf_get(&self->conf, "VE_ROOT"));

	snprintf(command, sizeof(command),
		 "VEID=7; . %s; printf '%%s|%%s' \"$VE_ROOT\" \"$DESCRIPTION\"", self->path);
	shell = popen(command, "r");
	ASSERT_NE(NULL, shell);
	ASSERT_NE(NULL, fgets(out, sizeof(out), shell));
	EXPECT_EQ(0, pclose(shell));
	EXPECT_EQ(0, strncmp("/vz/root/7|", out, 11));
	EXPECT_STREQ(nasty, out + 11);
}

TEST_F(file, a_link_stays_a_link)
{
	char link[64];
	struct stat st;

	write_file(_metadata, self->path, "A=\"1\"\n");
	snprintf(link, sizeof(link), "%s/link", self->dir);
	ASSERT_EQ(0, symlink("101.conf", link));
	ASSERT_EQ(0, conf_set(&self->changes, "A", "2"));
	EXPECT_EQ(1, conf_save(link, &self->changes));
	ASSERT_EQ(0, lstat(link, &st));
	EXPECT_TRUE(S_ISLNK(st.st_mode));
	EXPECT_STREQ("A=\"2\"\n", file_text());
}

TEST_F(file, a_new_one_from_another)
{
	char sample[64];

	snprintf(sample, sizeof(sample), "%s/sample", self->dir);
	write_file(_metadata, sample, "# sample\nNUMPROC=\"5\"\n");
	ASSERT_EQ(0, conf_set(&self->changes, "NUMPROC", "6"));
	EXPECT_EQ(1, conf_save_as(sample, self->path, &self->changes));
	EXPECT_STREQ("# sample\nNUMPROC=\"6\"\n", file_text());
	EXPECT_EQ(-ENOENT, conf_save_as("/nonexistent/sample", self->path, &self->changes));
	EXPECT_STREQ("# sample\nNUMPROC=\"6\"\n", file_text());
}

TEST_HARNESS_MAIN
