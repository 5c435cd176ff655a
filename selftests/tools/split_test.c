// SPDX-License-Identifier: GPL-2.0
/*
 * How vzsplit divides hosts. Needs no root, no module and no container: the
 * sources of the library are compiled right in.
 */
#include "../../user/lib/conf.c"
#include "../../user/lib/log.c"
#include "../../user/lib/param.c"
#include "../../user/lib/split.c"
#include "../../user/lib/ubrules.c"

#include "kselftest_harness.h"

struct expected {
	unsigned int param;
	uint64_t barrier, limit;
};

static const struct division {
	const char *what;
	uint64_t ram, swap, threads, disk, inodes;	/* megabytes, twice */
	unsigned int containers;
	bool vswap;
	unsigned int level;
	struct expected expected[26];			/* by hand */
} divisions[] = {
	{
		"4 GiB among ten", 4096, 0, 30000, 0, 0, 10, false, 0, {
			{ R(KMEMSIZE), 85899345, 94489279 },
			{ R(LOCKEDPAGES), 4194, 4194 },
			{ R(PRIVVMPAGES), 61634, 67797 },
			{ R(SHMPAGES), 6163, 6163 },
			{ R(NUMPROC), 2096, 2096 },
			{ R(PHYSPAGES), 0, UB_MAX },
			{ R(VMGUARPAGES), 61634, UB_MAX },
			{ R(OOMGUARPAGES), 61634, UB_MAX },
			{ R(NUMTCPSOCK), 2096, 2096 },
			{ R(NUMFLOCK), 1000, 1100 },
			{ R(NUMPTY), 209, 209 },
			{ R(NUMSIGINFO), 1024, 1024 },
			{ R(TCPSNDBUF), 20047899, 28633115 },
			{ R(TCPRCVBUF), 20047899, 28633115 },
			{ R(OTHERSOCKBUF), 10023949, 18609165 },
			{ R(DGRAMRCVBUF), 10023949, 10023949 },
			{ R(NUMOTHERSOCK), 2096, 2096 },
			{ R(DCACHESIZE), 18748597, 19316736 },
			{ R(NUMFILE), 33536, 33536 },
			{ R(NUMIPTENT), 200, 200 },
			{ RULE_AVNUMPROC, 1048, 1048 },
			{ RULE_DISKSPACE, 204800, 225280 },
			{ RULE_DISKINODES, 80000, 88000 },
		},
	}, {
		/* 1373996 bytes each of low memory: 4 MiB, the guarantee, go before it */
		"with hardly enough for each", 512, 0, 4000, 0, 0, 87, false, 3, {
			{ R(NUMPROC), 30, 30 },
			{ RULE_AVNUMPROC, 15, 15 },
			{ R(TCPSNDBUF), 65536, 142336 },
			{ R(TCPRCVBUF), 65536, 142336 },
			{ R(OTHERSOCKBUF), 32768, 109568 },
			{ R(DGRAMRCVBUF), 32768, 32768 },
			{ R(KMEMSIZE), 946988, 1041686 },
			{ R(NUMFILE), 480, 480 },
			{ R(NUMIPTENT), 22, 22 },
		},
	}, {
		"with little memory and much swap, at the last level too", 500, 2048, 4000, 0, 0,
		330, false, 3, {
			{ R(KMEMSIZE), 843993, 928392 },
			{ R(VMGUARPAGES), 1627, UB_MAX },
			{ RULE_AVNUMPROC, 15, 15 },
		},
	}, {
		/* 983 processes on average allow for five times as many */
		"one for itself may have it all", 256, 2048, 30000, 0, 0, 1, false, 1, {
			{ R(NUMPROC), 4915, 4915 },
			{ RULE_AVNUMPROC, 983, 983 },
			{ R(VMGUARPAGES), 545566, UB_MAX },
			{ R(PRIVVMPAGES), 545566, 600122 },
		},
	}, {
		"one of two no more than 0.6 of the memory", 256, 2048, 30000, 0, 0, 2, false, 1, {
			{ R(NUMPROC), 2455, 2455 },
			{ R(VMGUARPAGES), 39321, UB_MAX },
			{ R(PRIVVMPAGES), 39321, 43253 },
		},
	}, {
		"disk for the host, and half of the rest", 4096, 0, 30000, 110 << 10, 1100000,
		10, false, 0, {
			{ RULE_DISKSPACE, 4766250, 5242880 },	/* 100 GiB / 20 */
			{ RULE_DISKINODES, 45450, 50000 },
		},
	}, {
		"with vSwap", 4096, 2048, 30000, 0, 0, 10, true, 0, {
			{ R(PHYSPAGES), 0, 103577 },		/* 4046 MiB / 10 */
			{ R(SWAPPAGES), 0, 52428 },
			{ RULE_DISKSPACE, 204800, 225280 },
			{ RULE_DISKINODES, 80000, 88000 },
		},
	},
};

TEST(by_hand)
{
	log_quiet();
	for (size_t i = 0; i < sizeof(divisions) / sizeof(*divisions); i++) {
		const struct division *d = &divisions[i];
		struct split split = {
			.host = { .ram = d->ram << 20, .swap = d->swap << 20, .low = d->ram << 20,
				  .threads = d->threads },
			.disk = d->disk << 20, .inodes = d->inodes,
			.containers = d->containers, .vswap = d->vswap,
		};

		ASSERT_EQ(0, split_host(&split)) {
			TH_LOG("%s", d->what);
		}
		EXPECT_EQ(d->level, split.level);
		for (const struct expected *e = d->expected; e->limit; e++) {
			const struct bounds *b = &split.rules.of[e->param];

			EXPECT_TRUE(b->set && b->barrier == e->barrier && b->limit == e->limit) {
				TH_LOG("%s: %s=%lu:%lu", d->what, rule_key(e->param), b->barrier,
				       b->limit);
			}
		}
	}
}

static bool never(const struct finding *finding, void *arg)
{
	return false;
}

/* Of all the hosts and numbers: what is found to fit is right, and all levels occur. */
TEST(whatever_is_divided_is_right)
{
	unsigned int seen[SPLIT_LEVELS] = { 0 }, refused = 0;

	log_quiet();
	for (uint64_t ram = 60; ram < 1 << 22; ram += ram / 3) {
		for (unsigned int nr = 1; nr < 5000; nr += nr / 2 + 1) {
			for (uint64_t threads = 100; threads < 100000; threads *= 9) {
				struct split split = {
					.host = { .ram = ram << 20, .low = ram << 20,
						  .swap = (ram / 2) << 20, .threads = threads },
					.containers = nr, .vswap = threads == 900,
				};

				if (split_host(&split)) {
					/* Said before anything was computed */
					ASSERT_FALSE(split.rules.of[R(NUMPROC)].set);
					refused++;
					continue;
				}
				split.rules.quota = true;
				ASSERT_EQ(0, ubrules_check(&split.rules, &split.host, never, NULL));
				if (!split.vswap)
					seen[split.level]++;
			}
		}
	}
	EXPECT_LT(0, refused);
	for (unsigned int i = 0; i < SPLIT_LEVELS; i++) {
		EXPECT_LT(0, seen[i]) {
			TH_LOG("level %u", i);
		}
	}
}

TEST(too_many)
{
	struct split split = {
		.host = { .ram = 512 << 20, .low = 512 << 20, .threads = 4000 },
		.containers = 88,
	};

	log_quiet();
	/* (512 - 50) MiB / 5542912 = 87.4 */
	EXPECT_EQ(VZ_FAILED, split_host(&split));
	split.host.swap = 512 << 20;
	EXPECT_EQ(0, split_host(&split));
	split.host.ram = 50 << 20;
	split.host.low = 50 << 20;
	split.containers = 1;
	EXPECT_EQ(VZ_FAILED, split_host(&split));
}

/* What is printed is a configuration, the same that was computed. */
TEST(as_a_sample)
{
	struct split split = {
		.host = { .ram = 4UL << 30, .low = 4UL << 30, .threads = 30000 },
		.containers = 10,
	};
	char path[] = "/tmp/split_test.XXXXXX";
	struct conf conf = { 0 };
	struct ubrules rules;
	FILE *out;

	log_quiet();
	ASSERT_EQ(0, split_host(&split));
	out = fdopen(mkstemp(path), "w");
	ASSERT_NE(NULL, out);
	EXPECT_EQ(0, split_print(&split, out));
	fclose(out);
	ASSERT_EQ(0, conf_read(&conf, path));
	unlink(path);
	ASSERT_EQ(0, ubrules_read(&rules, &conf, path));
	EXPECT_EQ(0, memcmp(split.rules.of, rules.of, sizeof(rules.of)));
	EXPECT_STREQ("auto", conf_get(&conf, "ONBOOT"));
	EXPECT_STREQ("1000", conf_get(&conf, "CPUUNITS"));
	conf_free(&conf);
}

TEST_HARNESS_MAIN
