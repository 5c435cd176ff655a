/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Resources: each file joins hooks to beancounters for one family. Its head
 * says what is counted, when, and what a refused caller sees.
 */
#ifndef STOCKVZ_RES_H
#define STOCKVZ_RES_H

#include "hook/hook.h"
#include "ub/bind.h"
#include "ub/owner.h"

/* Features are resources by their number, and these. */
#define FEATURE_CT_EVENTS 32
#define FEATURE_PROC_BC 40

/* proc.c */
DECLARE_HOOK(numproc_fork);
int numproc_prove(void);

/* file.c */
DECLARE_HOOK(numfile_alloc);
int numfile_prove(void);

/* sock.c */
DECLARE_HOOK(numsock_create);
DECLARE_HOOK(numsock_unix_connect);
DECLARE_HOOK(numsock_passive);
int numsock_create_prove(void);
int numsock_unix_connect_prove(void);
int numsock_passive_prove(void);

/* ct.c */
DECLARE_HOOK(ct_init_exit);
typedef void (*res_ct_event_fn)(struct ub *ub, enum stockvz_ct_event event);
void res_set_ct_event_handler(res_ct_event_fn fn);

/* bc.c */
struct proc_dir_entry;

DECLARE_HOOK(bc_lookup);
void res_set_bc_home(struct proc_dir_entry *dir, struct proc_dir_entry *ct);

/* host.c */
void res_host_init(void);
void res_host_exit(void);

/* table.c */
DECLARE_HOOK(release_first);
int res_init(const char *hide, bool require_all);
void res_exit(void);

/*
 * Charge the current task's beancounter one unit for an object. The host pays
 * nothing. Context: task. Return: 0 or -ENOMEM.
 */
static inline int res_charge_current(const void *object,
				     enum stockvz_resource res)
{
	struct ub *ub;
	int err = 0;

	preempt_disable();
	ub = ub_of_current();
	if (unlikely(ub))
		err = owner_charge(object, ub, res, 1, UB_HARD);
	preempt_enable();
	return err;
}

#endif
