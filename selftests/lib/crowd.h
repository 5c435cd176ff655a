/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Several workers in one box, all at it at the same time.
 *
 * Include once, in the file that has the tests, after fixture.h.
 */
#ifndef SELFTESTS_CROWD_H
#define SELFTESTS_CROWD_H

#define CROWD 4
#define CROWD_MAX 8

struct crowd {
	int n;
	struct worker w[CROWD_MAX];
};

static inline void crowd_open(struct __test_metadata *_metadata,
			      struct crowd *c, const struct box *box, int n)
{
	for (c->n = 0; c->n < n; c->n++)
		ASSERT_EQ(0, worker_start(&c->w[c->n], box->cgroup));
}

static inline void crowd_begin(struct crowd *c, worker_fn fn, long a, long b)
{
	int i;

	for (i = 0; i < c->n; i++)
		worker_begin(&c->w[i], fn, a, b);
}

/* All that they return, none of which may be an error. */
static inline long crowd_end(struct __test_metadata *_metadata, struct crowd *c)
{
	long sum = 0;
	int i;

	for (i = 0; i < c->n; i++) {
		long n = worker_end(&c->w[i]);

		EXPECT_LE(0, n);
		sum += n;
	}
	return sum;
}

static inline void crowd_close(struct crowd *c)
{
	while (c->n)
		worker_stop(&c->w[--c->n]);
}

/*
 * Let each take and give back, N times, what together does not fit, or just fits:
 * never is there more than may be, and each refusal is counted. FN returns how
 * many it met; so does this, of all.
 */
static inline long crowd_churns(struct __test_metadata *_metadata, struct box *box,
				int res, unsigned long limit, worker_fn fn, long n, long b)
{
	unsigned long before = ub_row(box->id, res).failcnt;
	struct crowd crowd;
	struct ub_row row;
	long refused;

	crowd_open(_metadata, &crowd, box, CROWD);
	ASSERT_EQ(0, ub_limit(box->id, res, limit));
	crowd_begin(&crowd, fn, n, b);
	refused = crowd_end(_metadata, &crowd);
	EXPECT_TRUE(EVENTUALLY(!ub_row(box->id, res).held));
	row = ub_row(box->id, res);
	EXPECT_GE(limit, row.maxheld);
	EXPECT_EQ(before + refused, row.failcnt);
	TH_LOG("%ld of %ld refused", refused, CROWD * n);
	crowd_close(&crowd);
	return refused;
}

#endif
