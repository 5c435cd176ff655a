/* SPDX-License-Identifier: GPL-2.0 */
/* LOCKDIR/N.lck: one command at a time works on a container, LOCKDIR itself: on all. */
#ifndef _VZ_LOCK_H
#define _VZ_LOCK_H

#include <signal.h>

/* 0 or exit code, message printed. Locked: the pid and its command line are named. */
int lock_ct(unsigned int id);
/* Safe to call when the lock is not ours. */
void unlock_ct(unsigned int id);
/*
 * For what containers have in common, and not for long: lock_ct() waits for it. Held until
 * the descriptor is closed; -1 when there is no LOCKDIR, and nothing is locked.
 */
int lock_all(void);

/*
 * SIGINT and SIGTERM set this: whoever waits for something stops waiting, ends
 * the helper it started, and returns an error; what was half done is undone on
 * the way out. SIGPIPE does not end us any more.
 */
extern volatile sig_atomic_t vz_cancelled;
void catch_cancel(void);

#endif /* _VZ_LOCK_H */
