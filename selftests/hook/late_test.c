// SPDX-License-Identifier: GPL-2.0
/*
 * While a gate of a module that comes later is proved, every request meets the gates
 * that stand: to be told from the proof, and then to be treated like any other.
 */
#include <sys/file.h>

#include "fds.h"
#include "fixture.h"
#include "locks.h"
#include "module.h"

/* Until the test says that it is enough. How often something went wrong. */
static long flock_on_and_on(long at, long b)
{
	const volatile long *enough = worker_shared;
	long wrong = 0;

	while (!*enough)
		wrong += !!do_flock(at, LOCK_EX) + !!do_flock(at, LOCK_UN);
	return wrong;
}

TEST_F(ub, unlocks_while_a_gate_is_proved)
{
	struct box *a = &self->a;
	volatile long *enough = a->worker.shared;
	int i;

	if (system("modprobe nf_tables && rmmod nf_tables"))
		SKIP(return, "nf_tables cannot come and go");
	ASSERT_EQ(0, IN(a, open_file, 0));
	LIMIT(a, NUMFLOCK, 1);
	*enough = 0;
	worker_begin(&a->worker, flock_on_and_on, 0, 0);
	for (i = 0; i < repeats(10); i++)
		EXPECT_EQ(0, system("modprobe nf_tables && rmmod nf_tables"));
	*enough = 1;
	EXPECT_EQ(0, worker_end(&a->worker));
	EXPECT_EQ(0, FAILCNT(a, NUMFLOCK));
}

TEST_HARNESS_MAIN
