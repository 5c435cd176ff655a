// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of vzcfgvalidate: each is broken by itself, is named, and is put
 * right. Needs no root, no module and no container: the sources of the library
 * are compiled right in.
 */
#include "../../user/lib/conf.c"
#include "../../user/lib/log.c"
#include "../../user/lib/param.c"
#include "../../user/lib/ubrules.c"

#include "kselftest_harness.h"

#define MAX_TEXT	"9223372036854775807"
#define NO_CURE		""

/* A set in which every rule is met with nothing to spare. */
static const char *const tight[][2] = {
	{ "AVNUMPROC", "10" },
	{ "NUMPROC", "20" },
	{ "NUMTCPSOCK", "100" },
	{ "NUMOTHERSOCK", "200" },
	{ "NUMFILE", "320" },			/* 32*10 = 320 > 100+200+16 */
	{ "NUMFLOCK", "50:60" },
	{ "NUMPTY", "16" },
	{ "NUMSIGINFO", "256" },
	{ "NUMIPTENT", "128" },
	{ "KMEMSIZE", "532480:600000" },	/* 40960*10 + 122880 */
	{ "DCACHESIZE", "100000:122880" },	/* 384*320 */
	{ "TCPSNDBUF", "65536:321536" },	/* + 2560*100 */
	{ "TCPRCVBUF", "65536:321536" },
	{ "OTHERSOCKBUF", "132096:644096" },	/* + 2560*200 */
	{ "DGRAMRCVBUF", "132096:132096" },
	{ "LOCKEDPAGES", "32:32" },
	{ "SHMPAGES", "8192" },
	{ "PRIVVMPAGES", "6144:7000" },
	{ "VMGUARPAGES", "6144:unlimited" },
	{ "OOMGUARPAGES", "6144:unlimited" },
	{ "PHYSPAGES", "0:unlimited" },
	{ "DISKSPACE", "1000:1100" },
	{ "DISKINODES", "200:220" },
	{ "DISK_QUOTA", "yes" },
};

/* Change one thing: this is what is found first, and this is what cures it. */
static const struct broken {
	const char *key, *value;
	enum finding_level level;
	const char *found;	/* where */
	const char *text;	/* part of the message */
	const char *cure;	/* of what was found, "barrier:limit"; "": there is none */
	unsigned int failed;	/* how many, when nothing is cured */
} broken[] = {
	/* 1: barrier and limit are the same */
	{ "NUMPROC", "20:21", FINDING_ERROR, "NUMPROC", "should be equal", "21:21", 1 },
	{ "NUMPROC", "21:20", FINDING_ERROR, "NUMPROC", "should be equal", "21:21", 1 },
	{ "NUMTCPSOCK", "99:100", FINDING_ERROR, "NUMTCPSOCK", "should be equal", "100:100", 1 },
	{ "NUMOTHERSOCK", "199:200", FINDING_ERROR, "NUMOTHERSOCK", "should be equal",
	  "200:200", 1 },
	{ "SHMPAGES", "1:2", FINDING_ERROR, "SHMPAGES", "should be equal", "2:2", 1 },
	{ "NUMFILE", "320:319", FINDING_ERROR, "NUMFILE", "should be equal", "320:320", 1 },
	{ "NUMPTY", "16:17", FINDING_ERROR, "NUMPTY", "should be equal", "17:17", 1 },
	{ "NUMSIGINFO", "1:2", FINDING_ERROR, "NUMSIGINFO", "should be equal", "2:2", 1 },
	{ "NUMIPTENT", "4:8", FINDING_ERROR, "NUMIPTENT", "should be equal", "8:8", 1 },
	/* 2: the barrier is not above the limit */
	{ "KMEMSIZE", "600001:600000", FINDING_ERROR, "KMEMSIZE", "not be above",
	  "600001:600001", 1 },
	{ "PRIVVMPAGES", "7001:7000", FINDING_ERROR, "PRIVVMPAGES", "not be above",
	  "7001:7001", 1 },
	{ "LOCKEDPAGES", "33:32", FINDING_ERROR, "LOCKEDPAGES", "not be above", "33:33", 1 },
	{ "NUMFLOCK", "61:60", FINDING_ERROR, "NUMFLOCK", "not be above", "61:61", 1 },
	{ "DCACHESIZE", "122881:122880", FINDING_ERROR, "DCACHESIZE", "not be above",
	  "122881:122881", 1 },
	{ "DGRAMRCVBUF", "132097:132096", FINDING_ERROR, "DGRAMRCVBUF", "not be above",
	  "132097:132097", 1 },
	{ "TCPSNDBUF", "400000:321536", FINDING_ERROR, "TCPSNDBUF", "not be above",
	  "400000:400000", 2 },
	{ "TCPRCVBUF", "400000:321536", FINDING_ERROR, "TCPRCVBUF", "not be above",
	  "400000:400000", 2 },
	{ "OTHERSOCKBUF", "700000:644096", FINDING_ERROR, "OTHERSOCKBUF", "not be above",
	  "700000:700000", 2 },
	{ "DISKSPACE", "1101:1100", FINDING_ERROR, "DISKSPACE", "not be above", "1101:1101", 1 },
	{ "DISKINODES", "221:220", FINDING_ERROR, "DISKINODES", "not be above", "221:221", 1 },
	/* 3: guarantees have no limit, and resident pages nothing at all */
	{ "VMGUARPAGES", "6144", FINDING_ERROR, "VMGUARPAGES", "should be unlimited",
	  "6144:" MAX_TEXT, 1 },
	{ "OOMGUARPAGES", "5:6", FINDING_ERROR, "OOMGUARPAGES", "should be unlimited",
	  "5:" MAX_TEXT, 1 },
	{ "PHYSPAGES", "1:unlimited", FINDING_ERROR, "PHYSPAGES", "0:unlimited", "0:" MAX_TEXT, 1 },
	/* 4 */
	{ "DCACHESIZE", "100000:122879", FINDING_WARNING, "DCACHESIZE", "384*numfile, 122880",
	  "100000:122880", 1 },
	/* 5: the limit moves as far as the barrier */
	{ "KMEMSIZE", "532479:600000", FINDING_ERROR, "KMEMSIZE",
	  "40960*avnumproc+dcachesize limit, 532480", "532480:600001", 1 },
	{ "DCACHESIZE", "100000:122881", FINDING_ERROR, "KMEMSIZE", "532481", "532481:600001", 1 },
	{ "AVNUMPROC", "", FINDING_ERROR, NULL, NULL, NULL, 0 },	/* then half of 20 */
	/* 6 */
	{ "PRIVVMPAGES", "6143:7000", FINDING_WARNING, "PRIVVMPAGES", "vmguarpages, 6144",
	  "6144:7001", 1 },
	/* 7, 8, 9 */
	{ "TCPSNDBUF", "65536:321535", FINDING_ERROR, "TCPSNDBUF", "2560*numtcpsock, 256000",
	  "65536:321536", 1 },
	{ "OTHERSOCKBUF", "132096:644095", FINDING_ERROR, "OTHERSOCKBUF",
	  "2560*numothersock, 512000", "132096:644096", 1 },
	{ "TCPRCVBUF", "65536:321535", FINDING_WARNING, "TCPRCVBUF", "2560*numtcpsock, 256000",
	  "65536:321536", 1 },
	/* 10 */
	{ "TCPSNDBUF", "65535:321536", FINDING_WARNING, "TCPSNDBUF", "64 KiB, 65536",
	  "65536:321537", 1 },
	{ "TCPRCVBUF", "65535:321536", FINDING_WARNING, "TCPRCVBUF", "64 KiB, 65536",
	  "65536:321537", 1 },
	/* 11 */
	{ "DGRAMRCVBUF", "32767:132096", FINDING_WARNING, "DGRAMRCVBUF", "32 KiB, 32768",
	  "32768:132097", 1 },
	{ "OTHERSOCKBUF", "32767:644096", FINDING_WARNING, "OTHERSOCKBUF", "32 KiB, 32768",
	  "32768:644097", 1 },
	{ "DGRAMRCVBUF", "132095:132096", FINDING_ADVICE, "DGRAMRCVBUF", "132096",
	  "132096:132097", 0 },
	{ "OTHERSOCKBUF", "132095:644096", FINDING_ADVICE, "OTHERSOCKBUF", "132096",
	  "132096:644097", 0 },
	/* 12: both ways to need files, and what follows from more of them */
	{ "AVNUMPROC", "11", FINDING_WARNING, "NUMFILE", "32*avnumproc, 352", "352:352", 2 },
	{ "NUMPTY", "21", FINDING_WARNING, "NUMFILE", "numtcpsock+numothersock+numpty, 321",
	  "321:321", 1 },
	/* Without limit is enough for anything, and plans nothing */
	{ "NUMPTY", "unlimited", FINDING_WARNING, NULL, NULL, NULL, 0 },
	{ "KMEMSIZE", "unlimited", FINDING_WARNING, NULL, NULL, NULL, 0 },
	{ "NUMFILE", "unlimited", FINDING_WARNING, "DCACHESIZE", MAX_TEXT, "100000:" MAX_TEXT, 1 },
	{ "NUMTCPSOCK", "unlimited", FINDING_ERROR, "TCPSNDBUF", "4611686018427387904",
	  "65536:4611686018427453440", 2 },
	{ "TCPSNDBUF", "unlimited", FINDING_ERROR, "TCPSNDBUF", "2560*numtcpsock",
	  "9223372036854519807:" MAX_TEXT, 1 },
	{ "AVNUMPROC", "9223372036854775806", FINDING_WARNING, "NUMFILE", "32*avnumproc, " MAX_TEXT,
	  MAX_TEXT ":" MAX_TEXT, 2 },
	/* What is missing cannot be guessed */
	{ "NUMPROC", "", FINDING_ERROR, "NUMPROC", "not set", NO_CURE, 1 },
	{ "KMEMSIZE", "", FINDING_ERROR, "KMEMSIZE", "not set", NO_CURE, 1 },
	{ "VMGUARPAGES", "", FINDING_ERROR, "VMGUARPAGES", "not set", NO_CURE, 1 },
	{ "PHYSPAGES", "", FINDING_ERROR, "PHYSPAGES", "not set", NO_CURE, 1 },
	{ "DISKSPACE", "", FINDING_ERROR, "DISKSPACE", "not set", NO_CURE, 1 },
	/* Without quota nobody looks at these */
	{ "DISK_QUOTA", "no", FINDING_ERROR, NULL, NULL, NULL, 0 },
};

struct found {
	bool cure;
	unsigned int nr;
	struct finding first;
};

static bool on_finding(const struct finding *finding, void *arg)
{
	struct found *found = arg;

	if (!found->nr++)
		found->first = *finding;
	return found->cure;
}

FIXTURE(rules)
{
	struct conf conf;
	struct ubrules rules;
	struct host host;
	struct found found;
};

FIXTURE_SETUP(rules)
{
	log_quiet();
	for (size_t i = 0; i < sizeof(tight) / sizeof(*tight); i++)
		ASSERT_EQ(0, conf_set(&self->conf, tight[i][0], tight[i][1]));
	self->host.ram = 1000 * 4096UL;
	self->host.swap = 500 * 4096UL;
}

FIXTURE_TEARDOWN(rules)
{
	conf_free(&self->conf);
}

#define look()								\
	({								\
		self->found.nr = 0;					\
		ubrules_check(&self->rules, &self->host, on_finding, &self->found); \
	})

TEST_F(rules, nothing_to_spare_is_right)
{
	ASSERT_EQ(0, ubrules_read(&self->rules, &self->conf, "test"));
	EXPECT_FALSE(self->rules.vswap);
	EXPECT_EQ(0, look());
	EXPECT_EQ(0, self->found.nr) {
		TH_LOG("%s: %s", rule_key(self->found.first.param), self->found.first.text);
	}
}

static void is_found(struct __test_metadata *_metadata, const struct broken *b,
		     const struct finding *finding)
{
	char bounds[64];

	EXPECT_EQ(b->level, finding->level);
	EXPECT_STREQ(b->found, rule_key(finding->param));
	EXPECT_NE(NULL, strstr(finding->text, b->text)) {
		TH_LOG("it said: %s", finding->text);
	}
	EXPECT_EQ(*b->cure != '\0', finding->cure);
	if (!finding->cure)
		return;
	snprintf(bounds, sizeof(bounds), "%lu:%lu", finding->barrier, finding->limit);
	EXPECT_STREQ(b->cure, bounds);
}

TEST_F(rules, each_one_broken_and_cured)
{
	for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
		const struct broken *b = &broken[i];
		const char *was = conf_get(&self->conf, b->key);
		struct conf conf = { 0 };

		ASSERT_NE(NULL, was);
		ASSERT_EQ(0, conf_copy(&conf, &self->conf));
		ASSERT_EQ(0, conf_set(&conf, b->key, b->value));
		ASSERT_EQ(0, ubrules_read(&self->rules, &conf, "test"));

		self->found.cure = false;
		EXPECT_EQ(b->failed, look()) {
			TH_LOG("%s=%s", b->key, b->value);
		}
		if (b->found) {
			ASSERT_LT(0, self->found.nr) {
				TH_LOG("%s=%s", b->key, b->value);
			}
			is_found(_metadata, b, &self->found.first);
		} else {
			EXPECT_EQ(0, self->found.nr);
		}

		/* Cured once, nothing is left; only what is missing stays missing. */
		self->found.cure = true;
		look();
		self->found.cure = false;
		EXPECT_EQ(b->cure && !*b->cure, look()) {
			TH_LOG("%s=%s is not cured: %s: %s", b->key, b->value,
			       rule_key(self->found.first.param), self->found.first.text);
		}
		conf_free(&conf);
	}
}

/* Whatever stands there, if it can be read and nothing is missing it can be cured. */
TEST_F(rules, anything_can_be_cured)
{
	static const char *const values[] = {
		"0", "1", "0:1", "1:0", "4095:4096", "unlimited:0", "0:unlimited", "unlimited",
		"4611686018427387903:4611686018427387904", "9223372036854775806",
		"9223372036854775806:unlimited", "3:70000",
	};
	const size_t nr = sizeof(values) / sizeof(*values);
	unsigned int seed = 1;

	for (unsigned int round = 0; round < 1000; round++) {
		for (size_t i = 0; i < sizeof(tight) / sizeof(*tight) - 1; i++) {
			seed = seed * 1103515245 + 12345;
			conf_set(&self->conf, tight[i][0], values[(seed >> 16) % nr]);
		}
		ASSERT_EQ(0, ubrules_read(&self->rules, &self->conf, "test"));
		self->rules.vswap = round & 1;
		self->found.cure = true;
		if (self->rules.vswap)
			self->rules.of[STOCKVZ_RES_SWAPPAGES] = (struct bounds){ true, 7, UB_MAX };
		ASSERT_EQ(0, look());
		self->found.cure = false;
		ASSERT_EQ(0, look()) {
			TH_LOG("round %u: %s: %s", round, rule_key(self->found.first.param),
			       self->found.first.text);
		}
	}
}

static const struct {
	const char *ram, *swap;
	unsigned int nr;
	const char *found, *text, *cure;
} vswap[] = {
	{ "0:1000", "0:500", 0, NULL, NULL, NULL },
	{ "0:1000", "0:0", 0, NULL, NULL, NULL },
	{ "0:1001", "0:500", 1, "PHYSPAGES", "host has of memory, 1000", "0:1000" },
	{ "1:1000", "0:500", 1, "PHYSPAGES", "barrier should be 0", "0:1000" },
	{ "0:1000", "0:501", 1, "SWAPPAGES", "host has of swap, 500", "0:500" },
	{ "0:1000", "5:500", 1, "SWAPPAGES", "barrier should be 0", "0:500" },
	{ "0:1000", "unlimited", 2, "SWAPPAGES", "barrier should be 0", "0:" MAX_TEXT },
	{ "0:1000", "", 1, "SWAPPAGES", "not set", NULL },
};

TEST_F(rules, of_vswap)
{
	for (size_t i = 0; i < sizeof(vswap) / sizeof(*vswap); i++) {
		char bounds[64];

		conf_free(&self->conf);
		ASSERT_EQ(0, conf_set(&self->conf, "PHYSPAGES", vswap[i].ram));
		ASSERT_EQ(0, conf_set(&self->conf, "SWAPPAGES", vswap[i].swap));
		ASSERT_EQ(0, ubrules_read(&self->rules, &self->conf, "test"));
		EXPECT_TRUE(self->rules.vswap);
		EXPECT_EQ(vswap[i].nr, look()) {
			TH_LOG("%s %s", vswap[i].ram, vswap[i].swap);
		}
		if (!vswap[i].nr)
			continue;
		EXPECT_EQ(FINDING_ERROR, self->found.first.level);
		EXPECT_STREQ(vswap[i].found, rule_key(self->found.first.param));
		EXPECT_NE(NULL, strstr(self->found.first.text, vswap[i].text));
		if (!vswap[i].cure)
			continue;
		snprintf(bounds, sizeof(bounds), "%lu:%lu", self->found.first.barrier,
			 self->found.first.limit);
		EXPECT_STREQ(vswap[i].cure, bounds);
	}
}

/* As vzctl and old kernels wrote "no limit" */
TEST_F(rules, what_is_vswap)
{
	static const struct {
		const char *value;
		bool vswap;
	} cases[] = {
		{ "0:65536", true }, { "0:unlimited", false }, { "0:2147483647", false },
		{ "0:" MAX_TEXT, false }, { "256M", true }, { "", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		ASSERT_EQ(0, conf_set(&self->conf, "PHYSPAGES", cases[i].value));
		ASSERT_EQ(0, ubrules_read(&self->rules, &self->conf, "test"));
		EXPECT_EQ(cases[i].vswap, self->rules.vswap) {
			TH_LOG("%s", cases[i].value);
		}
	}
}

TEST_F(rules, values_that_make_no_sense)
{
	ASSERT_EQ(0, conf_set(&self->conf, "NUMPROC", "many"));
	EXPECT_EQ(VZ_FAILED, ubrules_read(&self->rules, &self->conf, "test"));
	ASSERT_EQ(0, conf_set(&self->conf, "NUMPROC", "99999999999999999999"));
	EXPECT_EQ(0, ubrules_read(&self->rules, &self->conf, "test"));
	EXPECT_EQ(UB_MAX, self->rules.of[STOCKVZ_RES_NUMPROC].limit);
}

TEST_HARNESS_MAIN
