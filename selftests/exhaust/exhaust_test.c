// SPDX-License-Identifier: GPL-2.0
/*
 * One container takes all that it may have of something, and goes on asking for
 * more as fast as it can. It is refused; its neighbour and the host do not fail
 * and go on as fast as if it only burned its own processor's time; and what it
 * took comes back when it is done.
 *
 * Rates are always told. STOCKVZ_EXHAUST_RATE=percent makes a lower one a failure, and
 * STOCKVZ_EXHAUST_ROUNDS says how often each is taken (the best one counts): for a
 * machine that has nothing else to do.
 */
#include <limits.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include "env.h"
#include "fixture.h"
#include "things.h"

#define SLOTS 4096
#define SLICE_MS 100
#define ROOM 40			/* things, or pages of kernel memory */
#define DIRECTORY "/vz/exhaust"

/* What may be missing of the machine's free memory afterwards, in kB. */
#define KEPT 16384

/* What a message goes through, and what it is. */
static int pair[2], receiver;
static struct sockaddr_in here;
static char message[1000];

static long take_epoll(struct slot *s)
{
	return take_fd(s, epoll_create1(0));
}

static long take_timer(struct slot *s)
{
	return take_fd(s, timerfd_create(CLOCK_MONOTONIC, 0));
}

static const char *name_of(const struct slot *s)
{
	static char name[PATH_MAX];

	snprintf(name, sizeof(name), DIRECTORY "/%lx", (long)s);
	return name;
}

static long take_directory(struct slot *s)
{
	return say(mkdir(name_of(s), 0700));
}

static void drop_directory(struct slot *s)
{
	rmdir(name_of(s));
}

static long take_unix_message(struct slot *s)
{
	return say(send(pair[0], message, sizeof(message), MSG_DONTWAIT));
}

static void drop_unix_message(struct slot *s)
{
	recv(pair[1], message, sizeof(message), MSG_DONTWAIT);
}

/* Its sender does not learn that it was dropped. */
static long take_udp_message(struct slot *s)
{
	return say(sendto(receiver, message, sizeof(message), MSG_DONTWAIT,
			  (struct sockaddr *)&here, sizeof(here)));
}

static void drop_udp_message(struct slot *s)
{
	recv(receiver, message, sizeof(message), MSG_DONTWAIT);
}

/* What random_test does not take: it costs what only the kernel knows. */
static const struct thing inexact[] = {
	{ "pipe's memory", { CHARGE(KMEMSIZE, PAGE, ENFILE) }, take_pipe, drop_two },
	{ "epoll", { CHARGE(KMEMSIZE, PAGE, ENOMEM) }, take_epoll, drop_fd },
	{ "timer", { CHARGE(KMEMSIZE, PAGE, ENOMEM) }, take_timer, drop_fd },
	{ "directory", { CHARGE(KMEMSIZE, PAGE, ENOMEM) }, take_directory, drop_directory },
	{ "unix message", { CHARGE(OTHERSOCKBUF, 2048, EAGAIN) }, take_unix_message,
	  drop_unix_message },
	{ "udp message", { CHARGE(DGRAMRCVBUF, 2048, 0) }, take_udp_message,
	  drop_udp_message },
};

#define NR_THINGS (ARRAY_SIZE(things) + ARRAY_SIZE(inexact))

static const struct thing *thing_of(long kind)
{
	return kind < (long)ARRAY_SIZE(things) ? &things[kind] :
	       &inexact[kind - ARRAY_SIZE(things)];
}

static struct slot slot[SLOTS];
static long taken;

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Each on a processor of its own, if there are two. */
static void stay_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu % sysconf(_SC_NPROCESSORS_ONLN), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/*
 * The hog.
 */

static long prepare_hog(long a, long b)
{
	const struct rlimit plenty = { RLIM_INFINITY, RLIM_INFINITY };
	const struct rlimit files = { 2 * SLOTS + 64, 2 * SLOTS + 64 };
	const int much = INT_MAX;
	char name[] = "/vz/exhaust.XXXXXX";
	socklen_t len = sizeof(here);
	sigset_t set;

	stay_on(0);
	setrlimit(RLIMIT_MEMLOCK, &plenty);
	setrlimit(RLIMIT_SIGPENDING, &plenty);
	setrlimit(RLIMIT_NOFILE, &files);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	memset(slot, 0, sizeof(slot));
	own_file = mkstemp(name);
	unlink(name);
	mkdir(DIRECTORY, 0700);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUFFORCE, &much, sizeof(much));
	receiver = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(receiver, SOL_SOCKET, SO_RCVBUFFORCE, &much, sizeof(much));
	here.sin_family = AF_INET;
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(receiver, (struct sockaddr *)&here, sizeof(here));
	return say(getsockname(receiver, (struct sockaddr *)&here, &len));
}

static long take_one(long kind, long b)
{
	long err;

	if (taken == SLOTS)
		return -E2BIG;
	slot[taken].pages = 4;
	err = thing_of(kind)->take(&slot[taken]);
	taken += !err;
	return err;
}

static long drop_one(long kind, long b)
{
	thing_of(kind)->drop(&slot[--taken]);
	return 0;
}

/* Until it is refused: with what? At most so many, for who is not told. */
static long fill(long kind, long most)
{
	long err = 0;

	while (!err && taken < most)
		err = take_one(kind, 0);
	return err;
}

static long drop_all(long kind, long b)
{
	while (taken)
		drop_one(kind, 0);
	return 0;
}

/* How often was it refused in such a time? */
static long hammer(long kind, long ms)
{
	long end = now_ms() + ms, n = 0;
	bool told = thing_of(kind)->charge[0].err;

	while (now_ms() < end) {
		/* Kernel memory that others gave back may be had. */
		if (take_one(kind, 0))
			n++;
		else if (!told)
			taken--;
	}
	return n;
}

static long spin(long kind, long ms)
{
	long end = now_ms() + ms;

	while (now_ms() < end)
		;
	return 0;
}

/*
 * Neighbour and host: a bit of everything, which must not fail.
 */

static long some_of_everything(void)
{
	struct slot own = { .pages = 4 };
	unsigned int i;
	long err;

	for (i = 0; i < ARRAY_SIZE(things); i++) {
		err = things[i].take(&own);
		if (err)
			return err;
		things[i].drop(&own);
	}
	return 0;
}

static long work(long a, long ms)
{
	long end = now_ms() + ms, n = 0, err;

	do {
		err = some_of_everything();
		if (err)
			return err;
		n++;
	} while (now_ms() < end);
	return n;
}

static long prepare_worker(long a, long b)
{
	char name[] = "/vz/exhaust.XXXXXX";
	sigset_t set;

	stay_on(1);
	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	own_file = mkstemp(name);
	return say(unlink(name));
}

/* The most that is done beside a hog that does @busy. The host does it if @b is NULL. */
static long rate(struct box *a, struct box *b, worker_fn busy, long kind)
{
	long i, n, best = 0;

	for (i = 0; i < (long)env_number("STOCKVZ_EXHAUST_ROUNDS", 1); i++) {
		worker_begin(&a->worker, busy, kind, SLICE_MS);
		n = b ? IN(b, work, 0, SLICE_MS) : work(0, SLICE_MS);
		worker_end(&a->worker);
		if (n < 0)
			return n;
		if (n > best)
			best = n;
	}
	return best;
}

FIXTURE(exhaust) {
	struct laws laws;
	struct box a;
	struct box b;
};

FIXTURE_SETUP(exhaust)
{
	laws_begin(_metadata, &self->laws);
	box_open(_metadata, &self->a, BOX_A);
	box_open(_metadata, &self->b, BOX_B);
	ASSERT_EQ(0, IN(&self->a, prepare_hog));
	ASSERT_EQ(0, IN(&self->b, prepare_worker));
	ASSERT_EQ(0, prepare_worker(0, 0));
}

FIXTURE_TEARDOWN(exhaust)
{
	close(own_file);
	box_close(_metadata, &self->a);
	box_close(_metadata, &self->b);
	laws_end(_metadata, &self->laws);
	rmdir(DIRECTORY);
}

static void undisturbed(struct __test_metadata *_metadata, struct box *a,
			struct box *b, long kind)
{
	long alone = rate(a, b, spin, kind);
	long beside = rate(a, b, hammer, kind);

	EXPECT_LT(0, alone) TH_LOG("%s", strerror(-alone));
	EXPECT_LT(0, beside) TH_LOG("%s", strerror(-beside));
	if (alone <= 0)
		return;
	TH_LOG("%-16s %s: %ld%%", thing_of(kind)->name, b ? "neighbour" : "host",
	       beside * 100 / alone);
	EXPECT_LE((long)env_number("STOCKVZ_EXHAUST_RATE", 0), beside * 100 / alone);
}

static void exhaust(struct __test_metadata *_metadata, struct box *a,
		    struct box *b, long kind)
{
	const struct thing *t = thing_of(kind);
	int res = t->charge[0].res;
	struct ub_row row = ub_row(a->id, res);
	unsigned long unit = t->charge[0].amount ?: 4;
	long err;

	ASSERT_EQ(0, ub_limit(a->id, res, row.held + ROOM * unit));
	err = IN(a, fill, kind, t->charge[0].err ? SLOTS : 2 * ROOM);
	/* Kernel memory may lack at any step of a call, whose word for it differs. */
	EXPECT_TRUE(err == -t->charge[0].err || (res == STOCKVZ_RES_KMEMSIZE && err == -ENOMEM))
		TH_LOG("%s: %ld", t->name, err);
	EXPECT_LT(row.failcnt, ub_row(a->id, res).failcnt) TH_LOG("%s", t->name);
	undisturbed(_metadata, a, b, kind);
	undisturbed(_metadata, a, NULL, kind);
	EXPECT_GE(row.held + ROOM * unit, ub_row(a->id, res).held);
	EXPECT_EQ(0, ub_row(b->id, res).failcnt);
	/* What is given back can be had again. */
	if (res != STOCKVZ_RES_KMEMSIZE && t->charge[0].err) {
		IN(a, drop_one, kind);
		EXPECT_EQ(0, IN(a, take_one, kind)) TH_LOG("%s", t->name);
		EXPECT_EQ(-t->charge[0].err, IN(a, take_one, kind)) TH_LOG("%s", t->name);
	}
	EXPECT_EQ(0, IN(a, drop_all, kind));
	ASSERT_EQ(0, ub_limit(a->id, res, UB_MAX));
	if (!is_the_kernels(res))
		EXPECT_TRUE(EVENTUALLY(ub_row(a->id, res).held <= row.held))
			TH_LOG("%s: %lu, not %lu", t->name, ub_row(a->id, res).held, row.held);
}

/* Of memory that can be had, in kB. */
static long available(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f) &&
	       sscanf(line, "MemAvailable: %ld", &kb) != 1)
		;
	if (f)
		fclose(f);
	return kb;
}

TEST_F(exhaust, everything_in_turn)
{
	long kind, before = 0;

	for (kind = 0; kind < (long)NR_THINGS; kind++) {
		if (!ub_counts(thing_of(kind)->charge[0].res)) {
			TH_LOG("%s: not counted here", thing_of(kind)->name);
			continue;
		}
		exhaust(_metadata, &self->a, &self->b, kind);
		/* The first one makes what stays. */
		if (!before)
			before = available();
	}
	EXPECT_TRUE(EVENTUALLY(available() > before - KEPT))
		TH_LOG("%ld kB of memory, there were %ld", available(), before);
}

TEST_HARNESS_MAIN
